import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Plan, PlanNode } from '#plan/plan.ts'
import { HaetaeError } from '#model/errors.ts'
import { csv } from './csv.ts'
import { fields } from './fields.ts'
import { Footer } from './footer.ts'
import { graphLines } from './graph.ts'
import { languageOf } from './language.ts'
import { planLines } from './plan.ts'
import { problemLines } from './problem.ts'
import { questionLines } from './question.ts'
import { table } from './table.ts'
import { dayAndTime, size, span } from './time.ts'
import { cut, displayWidth, pad, wrap } from './width.ts'

const words = fc.string({ unit: fc.constantFrom('가', 'a', '電', ' ', 'Z', '-', '…', '😀'), maxLength: 60 })

describe('widths', () => {
  it('count Hangul and Han as two columns, colours as none', () => {
    expect(displayWidth('정보 a')).toBe(6)
    expect(displayWidth('\u001b[31m하\u001b[39m')).toBe(2)
    expect(pad('가', 4)).toBe('가  ')
  })

  it('are kept by cutting, whatever the text', () => {
    fc.assert(
      fc.property(words, fc.integer({ min: 1, max: 40 }), (text, width) => {
        expect(displayWidth(cut(text, width))).toBeLessThanOrEqual(width)
      }),
    )
  })

  it('are kept by wrapping, which loses no letter', () => {
    fc.assert(
      fc.property(words, fc.integer({ min: 2, max: 40 }), (text, width) => {
        const lines = wrap(text, width)
        for (const line of lines) expect(displayWidth(line)).toBeLessThanOrEqual(width)
        expect(lines.join('').replace(/\s/g, '')).toBe(text.replace(/\s/g, ''))
      }),
    )
  })
})

describe('a table', () => {
  it('fits 100 columns when its long texts can shrink', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ id: fc.stringMatching(/^[A-Z]{2,8}$/), name: words, why: words }), {
          maxLength: 8,
        }),
        (rows) => {
          const lines = table(
            [
              { title: '시스템', text: (row) => row.id },
              { title: '이름', text: (row) => `${row.name}${row.name}`, shrink: true },
              { title: '이유', text: (row) => `${row.why}${row.why}${row.why}`, shrink: true },
            ],
            rows,
          )
          for (const line of lines) expect(displayWidth(line)).toBeLessThanOrEqual(100)
          expect(lines).toHaveLength(rows.length + 1)
        },
      ),
    )
  })

  it('keeps its columns straight across Korean and English', () => {
    const lines = table(
      [
        { title: 'a', text: (row: string) => row },
        { title: 'b', text: () => '|' },
      ],
      ['조달', 'abcd'],
    )
    expect(lines.slice(1).map((line) => displayWidth(line.slice(0, line.indexOf('|'))))).toEqual([6, 6])
  })
})

describe('an error', () => {
  const error = new HaetaeError('system-unknown', 'system NOPE', {
    where: 'estate.yaml',
    why: 'it is not there',
  })

  it('says what, where, why, what to do and its code, in the language of the person', () => {
    expect(problemLines(error, 'ko')).toEqual([
      '오류: 등록되지 않은 정보시스템입니다: system NOPE',
      '  위치:   estate.yaml',
      '  이유:   it is not there',
      '  조치:   `haetae system list`로 등록된 시스템을 확인하십시오.',
      '  코드:   system-unknown (exit 4)',
    ])
    expect(problemLines(error, 'en')[0]).toBe('Error: no such system: system NOPE')
  })

  it('tells instants in Korean time', () => {
    const late = new HaetaeError('system-unknown', 'X', { why: 'gone at 2026-11-24T14:15:59.631Z, it says' })
    expect(problemLines(late, 'en')[1]).toBe('  why:    gone at 2026-11-24 23:15:59 KST, it says')
  })

  it.each([
    ['--lang', 'ko', { LANG: 'en_US.UTF-8' }, 'ko'],
    ['the locale', undefined, { LANG: 'ko_KR.UTF-8' }, 'ko'],
    ['LC_ALL before LANG', undefined, { LANG: 'ko_KR.UTF-8', LC_ALL: 'C' }, 'en'],
    ['HAETAE_LANG before the locale', undefined, { LANG: 'ko_KR.UTF-8', HAETAE_LANG: 'en' }, 'en'],
  ])('takes the language from %s', (_name, flag, environment, language) => {
    expect(languageOf(flag, environment)).toBe(language)
  })
})

describe('moments, spans and sizes', () => {
  it('are shown as people here say them', () => {
    expect(dayAndTime('2026-11-24T15:30:00.000Z')).toBe('2026-11-25 00:30:00')
    expect(dayAndTime(null)).toBe('-')
    expect([850, 42_000, 245_000, 1_800_000, 9_000_000, 259_200_000].map(span)).toEqual([
      '850ms',
      '42s',
      '4m 05s',
      '30m',
      '2h 30m',
      '3d',
    ])
    expect([0, 812, 3_565_158].map(size)).toEqual(['0 B', '812 B', '3.4 MiB'])
  })
})

describe('CSV', () => {
  it('quotes what has to be, and defuses what a spreadsheet would run', () => {
    expect(
      csv(
        ['a', 'b'],
        [
          { a: 'x, "y"', b: '=1+1' },
          { a: null, b: 3 },
        ],
      ),
    ).toBe('a,b\r\n"x, ""y""",\'=1+1\r\n,3\r\n')
  })
})

describe('a graph of steps', () => {
  it('puts what can run together into one row, after all that it needs', () => {
    const step = (id: string, ...needs: string[]) => ({
      id,
      needs,
      title: { ko: id, en: id },
      type: 't',
      effect: null,
      gate: null,
    })
    const lines = graphLines([step('d', 'b', 'c'), step('a'), step('c', 'a'), step('b', 'a')], 'en')
    expect(lines.map((line) => line.replace(/\s+/g, ' ').trim())).toEqual([
      '1 ─── a t a',
      '│',
      '2 ┬── c t c ← a',
      '└── b t b ← a',
      '│',
      '3 ─── d t d ← b, c',
    ])
  })
})

describe('a plan', () => {
  it('is shown with its waves, gates, assumptions, what stays behind, and its digest, in 100 columns', () => {
    const lines = planLines(plan(), 'ko')
    for (const line of lines) expect(displayWidth(line)).toBeLessThanOrEqual(100)
    const text = lines.join('\n')
    const order = [
      'approve',
      '단계 묶음 1',
      '소요 41s, 손실 약 3.5 s',
      'GPK/promote',
      '단계 묶음 2',
      'EPP',
      '옮길 수 없는 것',
      'UNI',
      '바뀌는 것',
      '확정 1',
      'wide',
      'GPK/promote → EPP/promote',
      'pg.promote 2s (9)',
      'k8s.wait',
      '센터 응답 없음',
      'sha256:1',
    ]
    const places = order.map((part) => text.indexOf(part))
    expect(places).not.toContain(-1)
    expect(places).toEqual(places.toSorted((a, b) => a - b))
    expect(text).not.toContain('same')
  })

  it('with hundreds of notes shows the first ones and how many more there are', () => {
    const notes = Array.from({ length: 60 }, (_, at) => ({ ko: `참고 ${at}`, en: `note ${at}` }))
    const text = planLines({ ...plan(), notes }, 'en').join('\n')
    expect(text).toContain('note 39')
    expect(text).not.toContain('note 40')
    expect(text).toContain('and 20 more (--json)')
  })

  function plan(): Plan {
    const limits = { attemptMs: 1, totalMs: 1, retryMax: 0, retryBaseMs: 1 }
    const node = (id: string, system: string | null, gate: PlanNode['gate'], wave: number): PlanNode => ({
      id,
      system,
      gate,
      wave,
      limits,
      title: { ko: '데이터베이스 승격과 확인'.repeat(4), en: 'x' },
      type: gate === null ? 'pg.promote' : 'approval',
      typeVersion: 1,
      with: {},
      needs: [],
      verify: null,
    })
    const forecast = (system: string, wave: number) => ({
      system,
      wave,
      recoverability: wave === 0 ? ('not-recoverable' as const) : ('full' as const),
      why: [{ ko: '선행 시스템이 먼저 복구되어야 합니다. '.repeat(5), en: 'x' }],
      rtoTargetMs: 1_800_000,
      rpoTargetMs: 0,
    })
    return {
      digest: `sha256:1${'0'.repeat(63)}`,
      subject: {
        mode: 'failover',
        fromSite: 'daejeon',
        toSite: 'gwangju',
        runbooks: {},
        catalogue: '',
        inputs: {},
        nodes: [
          node('approve', null, { purpose: 'failover', quorum: 2 }, 0),
          node('GPK/promote', 'GPK', null, 1),
          node('EPP/promote', 'EPP', null, 2),
        ],
        assumptions: [
          {
            kind: 'source-silent',
            subject: 'daejeon',
            statement: { ko: '센터 응답 없음', en: 'silent' },
            bound: {},
          },
        ],
      },
      systems: [forecast('UNI', 0), forecast('EPP', 2), forecast('GPK', 1)],
      notes: [],
      observed: {
        at: '',
        changes: {
          'GPK/promote': [
            {
              certainty: 'exact',
              target: 'x'.repeat(200),
              before: { wide: '조달 '.repeat(60), same: 1 },
              after: { wide: 'y', same: 1 },
            },
          ],
        },
        forecast: {
          loss: {
            GPK: { seconds: 3.49, atMost: false, sourceHeartbeatAt: null, why: { ko: '비교', en: 'x' } },
          },
          duration: {
            ms: 41_000,
            criticalPath: ['GPK/promote', 'EPP/promote'],
            systems: { GPK: 41_000 },
            measured: { 'pg.promote': { ms: 2_000, steps: 9, runs: 1 } },
            fromLimits: ['k8s.wait'],
          },
        },
      },
    }
  }
})

describe('a footer', () => {
  const screen = (isTTY: boolean) => {
    let text = ''
    return { isTTY, columns: 20, write: (part: string) => (text += part), said: () => text }
  }

  it('without a terminal is plain lines, each once while it stays', () => {
    const out = screen(false)
    const footer = new Footer(out)
    footer.show(['gate 0/2'])
    footer.line('\u001b[32mGPK/promote\u001b[39m')
    footer.show(['gate 0/2'])
    footer.show(['gate 1/2'])
    expect(out.said()).toBe('gate 0/2\nGPK/promote\ngate 1/2\n')
  })

  it('on a terminal stays below what scrolls, and is erased in as many rows as it took', () => {
    const out = screen(true)
    const footer = new Footer(out)
    footer.show(['a line that is longer than the screen is wide'])
    footer.line('GPK')
    footer.close()
    const rows = 'a line that is\nlonger than the\nscreen is wide\n'
    const erase = '\u001b[3A\u001b[0J'
    expect(out.said()).toBe(`${rows}${erase}GPK\n${rows}${erase}`)
  })

  it('leaves a command to the terminal, and what would not fit on the screen out', () => {
    const out = { ...screen(true), rows: 5 }
    const footer = new Footer(out)
    footer.show(['    haetae run decide F-1', 'one', 'two', 'three'])
    footer.close()
    expect(out.said()).toBe('    haetae run decide F-1\none\n…\n\u001b[4A\u001b[0J')
  })
})

describe('fields', () => {
  it('break long texts and leave out empty ones', () => {
    const lines = fields([
      ['이름', '가나다 '.repeat(40)],
      ['none', ''],
    ])
    expect(lines.length).toBeGreaterThan(1)
    for (const line of lines) expect(displayWidth(line)).toBeLessThanOrEqual(100)
  })
})

describe('a question about what somebody changed since', () => {
  const changed = [{ target: 'deployments/web in gpk', left: { replicas: 1 }, found: { replicas: 3 } }]
  const text = 'Somebody changed since what the step had left.'
  const question = { reason: 'changed', text, facts: { changed }, choices: ['retry', 'holds', 'fail'] }
  const run = { id: 'r', toSite: 'gwangju', question: null, graph: [{ id: 'GPK/start~undo', question }] }

  it('says what was left and what is there, and how to answer', () => {
    expect(questionLines(run, 'en').slice(1)).toEqual([
      `    ${text}`,
      '    deployments/web in gpk',
      '      was left: {"replicas":1}',
      '      is there: {"replicas":3}',
      '    answers (one of):',
      '      haetae run decide r --node GPK/start~undo --answer retry --reason TEXT --site gwangju',
      '      haetae run decide r --node GPK/start~undo --answer holds --reason TEXT --site gwangju',
      '      haetae run decide r --node GPK/start~undo --answer fail --reason TEXT --site gwangju',
    ])
    expect(questionLines(run, 'ko')).toContain('      현재 값: {"replicas":3}')
  })
})
