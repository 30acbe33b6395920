import { describe, expect, test } from 'vitest'
import { lintRunbookFiles } from '#runbook/load.ts'
import {
  context,
  ends,
  head,
  step,
  gate,
  book,
  problems,
  rules,
  call,
  folderOf,
} from '../../support/runbook-text.ts'

describe('lint of called runbooks', () => {
  const inputs = 'inputs: { most: { type: int, title: { ko: 한도, en: Most } } }\n'
  const part = `${head('a-part', `part: true\n${inputs}`)}steps:\n${step('go', 'leap', ends)}`

  test('an unknown runbook, and inputs that it does not take', () => {
    expect(problems(book(gate + call('a-prat', 'needs: [approve]', 'most: 1')), part)).toMatchObject([
      { rule: 'unknown-runbook', remedy: 'Did you mean a-part?' },
    ])
    const good = book(gate + call('a-part', 'needs: [approve]', 'most: 1'))
    expect(problems(good, part)).toEqual([])
    expect(rules(good.replace(', inputs: { most: 1 }', ''), part)).toEqual(['input-missing'])
    expect(rules(good.replace('most: 1', 'most: 1, many: 2'), part)).toEqual(['unknown-input'])
    expect(rules(good.replace('most: 1', 'most: one'), part)).toEqual(['wrong-type'])
    expect(rules(good.replace('most: 1', "most: '${{ system.id }}'"), part)).toEqual(['wrong-type'])
    expect(problems(good.replace('most: 1', "most: '${{ targets.rtoSeconds }}'"), part)).toEqual([])
    expect(rules(good.replace('modes: [failover]', 'modes: [failover, drill]'), part)).toEqual(['call-mode'])
  })

  test('what a part asks of those before it: approval and authority', () => {
    expect(rules(book(call('a-part', '', 'most: 1')), part)).toEqual(['approval-missing'])
    expect(rules(part)).toEqual([])
    const owner = `${head('owner', 'part: true\n')}steps:\n${step('do', 'own', ends)}`
    const taker = `${head('taker', 'part: true\n')}steps:\n${step('take', 'authority.acquire', ends)}`
    expect(rules(book(call('owner')), owner)).toEqual(['authority-missing'])
    const takes = call('taker', 'needs: [approve]').replace('id: sub', 'id: first')
    expect(rules(book(gate + takes + call('owner', 'needs: [first]')), owner, taker)).toEqual([])
    expect(rules(book(gate + call('taker')), taker)).toEqual(['approval-missing'])
  })

  test('a runbook that calls itself, with the whole way, and ends', async () => {
    const files = await folderOf({
      'a.yaml': `${head('aa')}steps:\n${call('bb')}`,
      'b.yaml': `${head('bb')}steps:\n${call('cc')}`,
      'c.yaml': `${head('cc')}steps:\n${call('aa')}`,
    })
    const found = await lintRunbookFiles(files, context)
    expect(found.map(({ rule }) => rule)).toEqual(Array.from({ length: 3 }, () => 'runbook-calls-itself'))
    expect(found[0]?.reason).toBe('it would go on for ever: aa calls bb calls cc calls aa')
    expect(rules(`${head('aa')}steps:\n${call('aa')}`)).toEqual(['runbook-calls-itself'])
  })

  test('is found in the folder of the file that calls it', async () => {
    const [, file = ''] = await folderOf({
      'part.yaml': part,
      'main.yaml': book(gate + call('a-part', 'needs: [approve]', 'most: 1')),
    })
    expect(await lintRunbookFiles([file], context)).toEqual([])
  })
})
