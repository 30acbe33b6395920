import { describe, expect, test } from 'vitest'
import { serviceClient } from '#platform/http/services.ts'
import { Unreachable } from '#runbook/step-type.ts'
import { answering } from '#steps/answering.ts'
import { notify, notifyInput } from '#steps/notify.ts'
import { changesAt, effectServerPerTest } from '../../support/effect-server.ts'
import { silentServerForFile } from '../../support/silent-server.ts'
import { conforms } from '../../support/step-conformance.ts'
import { acting, planning, someTargets } from '../../support/step-contexts.ts'

const server = effectServerPerTest()
const silent = silentServerForFile()

function targets(url = server.url) {
  const { reader, writer } = serviceClient([{ url }])
  return someTargets({ readers: { services: answering(reader) }, writers: { services: answering(writer) } })
}

const input = () =>
  notifyInput.parse({ url: server.url, path: '/hook', text: 'GPK moves', data: { channel: 'control room' } })

describe('notify on a webhook', () => {
  conforms(notify, () =>
    Promise.resolve({
      input: input(),
      targets: targets(),
      written: () => Promise.resolve(changesAt(server)),
      output: () =>
        expect(server.ledger).toEqual([
          {
            ...{
              key: expect.stringMatching(/^haetae-[0-9a-f]{24}$/) as string,
              method: 'POST',
              path: '/hook',
            },
            body: { channel: 'control room', text: 'GPK moves', run: 'run-1', node: 'GPK/step' },
          },
        ]),
    }),
  )

  test('planning asks nothing at all, and shows what would be sent', async () => {
    const ctx = planning(targets())
    expect(await notify.plan(ctx, input(), await notify.observe(ctx, input()))).toEqual([
      {
        certainty: 'exact',
        target: `POST ${server.url}/hook`,
        after: { channel: 'control room', text: 'GPK moves' },
      },
    ])
    expect(server.requests).toEqual([])
  })

  test('after a lost answer it is sent again under the same key, which is one message', async () => {
    server.next.push('lose')
    const ctx = acting(targets())
    const before = await notify.observe(ctx, input())
    await expect(notify.apply(ctx, input(), before)).rejects.toBeInstanceOf(Unreachable)
    const lost = acting(targets(), { lastTry: 'lost' })
    const state = await notify.observe(lost, input())
    expect(notify.judge(input(), state)).toBe('absent')
    await notify.apply(lost, input(), state)
    expect(server.ledger).toHaveLength(1)
    expect(server.requests).toHaveLength(2)
  })

  test('a webhook that says no is an error with its words; one that never answers ends at the signal', async () => {
    server.next.push({ status: 404 })
    const ctx = acting(targets())
    const state = await notify.observe(ctx, input())
    await expect(notify.apply(ctx, input(), state)).rejects.toMatchObject({
      code: 'call-refused',
      why: 'it answered 404: {"why":"as told"}',
    })
    const url = `http://127.0.0.1:${silent.port}`
    const hanging = acting(targets(url), { signal: AbortSignal.timeout(200) })
    await expect(notify.apply(hanging, { ...input(), url }, state)).rejects.toBeInstanceOf(Unreachable)
  })
})
