import fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import type { NodeView, RunDetail } from '#api/schema/run.ts'
import { boardLines, endedSystems, milestone } from './board.ts'
import { runLines } from './run.ts'
import { WatchScreen } from './watch-screen.ts'
import { displayWidth } from './width.ts'

const begun = Date.parse('2026-11-24T06:00:00.000Z')
const at = (seconds: number) => new Date(begun + seconds * 1000).toISOString()

function node(id: string, state: NodeView['state'], more: Partial<NodeView> = {}): NodeView {
  const system = id.includes('/') ? (id.split('/')[0] ?? null) : null
  return {
    ...{ id, system, state, type: 'pg.promote', wave: 1, needs: [], waitReason: null, waitsFor: [] },
    title: { ko: id, en: id },
    ...{
      attempt: 1,
      startedAt: at(5),
      endedAt: state === 'succeeded' ? at(20) : null,
      message: null,
      question: null,
      paused: null,
      canceling: null,
      pausedWithFleet: null,
      rollingBack: null,
      left: [],
    },
    ...more,
  }
}

interface Given {
  system: string
  wave: number
  rtoTargetMs?: number | null
  open?: number
}

function run(systems: Given[], graph: NodeView[]): RunDetail {
  return {
    ...{
      asOf: at(21),
      deadline: at(86_400),
      rollingBack: null,
      left: [],
      parent: null,
      children: [],
      id: 'F-1',
      mode: 'failover',
      fromSite: 'daejeon',
      toSite: 'gwangju',
      state: 'running',
    },
    ...{
      requester: 'operator-1',
      reason: 'fire',
      systems: systems.map(({ system }) => system),
      planDigest: '',
    },
    ...{
      createdAt: at(0),
      endedAt: null,
      nodesDone: 3,
      nodes: graph.length,
      graph,
      gates: [],
      question: null,
      paused: null,
      pausedWithFleet: null,
      canceling: null,
    },
    findings: [],
    fenceDebts: [],
    times: systems.map(({ system, wave, rtoTargetMs = 600_000, open }) => ({
      ...{
        system,
        wave,
        rtoTargetMs,
        detected: null,
        declared: at(0),
        approved: null,
        fenced: null,
        promoted: null,
      },
      ...{ up: null, verified: null, open: open === undefined ? null : at(open) },
    })),
  }
}

const now = begun + 21_000

describe('the board of a run', () => {
  it('shows systems by waves, what each does, and its time against its RTO', () => {
    const detail = run(
      [
        { system: 'AID', wave: 1, open: 18 },
        { system: 'GPK', wave: 2 },
      ],
      [
        node('AID/promote', 'succeeded'),
        node('AID/traffic', 'succeeded'),
        node('GPK/promote', 'running', { startedAt: at(19) }),
        node('GPK/check', 'waiting', { waitReason: 'needs', waitsFor: ['needs GPK/promote'] }),
      ],
    )
    const [head, ...rest] = boardLines(detail, now, 'en', 40)
    expect(head).toBe('F-1  running  3 of 4 steps  21s since it was requested')
    expect(rest.map((line) => line.replaceAll(/ {2,}/g, '  '))).toEqual([
      'wave 1  1 of 1 ended',
      '  AID  done  18s of RTO 10m',
      'wave 2  0 of 1 ended',
      '  GPK  promote running 2s  21s of RTO 10m',
    ])
  })

  it('says of a waiting system what holds it up, not what waits behind that', () => {
    const waits = node('GPK/check', 'waiting', { waitReason: 'needs', waitsFor: ['needs GPK/fence'] })
    const holds = node('GPK/fence', 'waiting', { waitReason: 'approval', waitsFor: ['1 of 2 signatures'] })
    const lines = boardLines(run([{ system: 'GPK', wave: 1 }], [waits, holds]), now, 'en', 40)
    expect(lines[2]).toContain('fence: 1 of 2 signatures')
  })

  it('says when a system is over its RTO, counted from when its loss was seen', () => {
    const detail = run([{ system: 'GPK', wave: 1, rtoTargetMs: 25_000 }], [node('GPK/promote', 'running')])
    expect(boardLines(detail, now, 'en', 40)[2]).toMatch(/21s of RTO 25s$/)
    const [times] = detail.times
    if (times !== undefined) times.detected = at(-5)
    expect(boardLines(detail, now, 'en', 40)[2]).toMatch(/26s of RTO 25s \(over\)$/)
    expect(boardLines(detail, now, 'ko', 40)[2]).toMatch(/26s \/ RTO 25s \(초과\)$/)
  })

  it('shows those that a person is asked about first when there is no room for all', () => {
    const many = Array.from({ length: 30 }, (_, index) => ({ system: `S${index}`, wave: 1 }))
    const graph = many.map(({ system }) => node(`${system}/promote`, 'succeeded'))
    graph[29] = node('S29/promote', 'needs-person')
    graph[28] = node('S28/promote', 'running')
    const lines = boardLines(run(many, graph), now, 'en', 6)
    expect(lines).toHaveLength(6)
    expect(lines.join('\n')).toMatch(/S28 [^]*S29 /)
    expect(lines.at(-1)).toBe('  … and 27 more systems')
  })

  it('keeps to its rows and to 100 columns, whatever the run', () => {
    const states = fc.constantFrom<NodeView['state']>(
      'waiting',
      'running',
      'unknown',
      'needs-person',
      'succeeded',
    )
    fc.assert(
      fc.property(
        fc.array(states, { minLength: 1, maxLength: 60 }),
        fc.integer({ min: 6, max: 50 }),
        (all, rows) => {
          const systems = all.map((_, index) => ({ system: `S${index}`, wave: 1 + (index % 3) }))
          const graph = all.map((state, index) =>
            node(`S${index}/promote`, state, { waitsFor: ['사유가 아주 길다 '.repeat(12)] }),
          )
          const lines = boardLines(run(systems, graph), now, 'ko', rows)
          expect(lines.length).toBeLessThanOrEqual(rows)
          for (const line of lines) expect(displayWidth(line)).toBeLessThanOrEqual(100)
        },
      ),
    )
  })
})

describe('the end of a system', () => {
  it('is told once all its steps have ended, with how it ended', () => {
    const graph = [
      node('GPK/promote', 'succeeded'),
      node('GPK/check', 'failed'),
      node('AID/promote', 'running'),
    ]
    const detail = run(
      [
        { system: 'GPK', wave: 1 },
        { system: 'AID', wave: 1 },
      ],
      graph,
    )
    expect(endedSystems(detail)).toEqual(['GPK'])
    expect(milestone(detail, 'GPK', now, 'en')).toContain('check failed')
    expect(milestone(detail, 'AID', now, 'en')).toBeUndefined()
  })
})

test('a fleet shows a part that was taken back as such', () => {
  const detail = run([{ system: 'GPK', wave: 1 }], [{ ...node('GPK', 'failed'), type: 'run', system: 'GPK' }])
  const part = { id: 'F-1.GPK', systems: ['GPK'], state: 'rolled-back' as const, nodesDone: 2, nodes: 4 }
  const children = [{ ...part, createdAt: at(0), endedAt: at(20) }]
  expect(runLines({ ...detail, children }, 'en').at(-1)).toMatch(/^GPK +run +rolled-back /)
  expect(runLines(detail, 'en').at(-1)).toMatch(/^GPK +run +failed /)
  // The board of `run watch` has the same word.
  expect(boardLines({ ...detail, children }, now, 'en', 40)[2]).toMatch(/GPK +GPK rolled-back /)
  expect(boardLines(detail, now, 'en', 40)[2]).toMatch(/GPK +GPK failed /)
})

describe('a run that is watched', () => {
  const systems = [{ system: 'GPK', wave: 1 }]
  const working = run(systems, [node('GPK/promote', 'running')])
  const ended = run(systems, [node('GPK/promote', 'succeeded')])

  const screen = (isTTY: boolean) => {
    let said = ''
    return { isTTY, rows: 30, columns: 110, write: (text: string) => void (said += text), said: () => said }
  }

  it('is a board on a terminal, which stays when the watching ends', () => {
    const out = screen(true)
    const watched = new WatchScreen(out, 'en')
    watched.standing(working)
    expect(out.said()).toMatch(/GPK +promote running/)
    watched.standing(ended)
    watched.close()
    watched.close()
    expect(out.said().split('\u001b[0J').at(-1)).toMatch(/^F-1[^]*GPK +done[^]*RTO 10m\n$/)
  })

  it('is plain lines elsewhere: no board, and each system once when it has ended', () => {
    const out = screen(false)
    const watched = new WatchScreen(out, 'en')
    for (const detail of [working, ended, ended]) watched.standing(detail)
    watched.close()
    expect(out.said()).toMatch(/^ {2}GPK +done +20s of RTO 10m\n$/)
  })
})
