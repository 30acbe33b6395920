import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { PreconditionRefused } from '#runbook/step-type.ts'
import { differenceOf, isFields } from './k8s-difference.ts'
import { changeSeen } from './k8s-object.ts'
import { ownedOf } from './k8s-owned.ts'
import { undoOf, valuesAt } from './k8s-undo.ts'

/** RFC 7386, as an API server does it. */
function mergePatch(target: unknown, patch: unknown): unknown {
  if (!isFields(patch)) return patch
  const merged = { ...(isFields(target) ? target : {}) }
  for (const [name, change] of Object.entries(patch)) {
    if (change === null) delete merged[name]
    else merged[name] = mergePatch(merged[name], change)
  }
  return merged
}

const field = fc.constantFrom('a', 'b', 'c')
/** Objects have no null in them: a cluster keeps none. */
const { object } = fc.letrec<{ object: Record<string, unknown>; value: unknown }>((tie) => ({
  object: fc.dictionary(field, tie('value'), { maxKeys: 3 }),
  value: fc.oneof({ maxDepth: 3 }, fc.integer(), fc.array(fc.integer(), { maxLength: 2 }), tie('object')),
}))
const { patch } = fc.letrec<{ patch: Record<string, unknown>; value: unknown }>((tie) => ({
  patch: fc.dictionary(field, tie('value'), { maxKeys: 3 }),
  value: fc.oneof({ maxDepth: 3 }, fc.constant(null), fc.integer(), tie('patch')),
}))

test('a merge patch is taken back by its inverse, whatever it changed, removed or added', () => {
  fc.assert(
    fc.property(object, patch, (before, change) => {
      const after = mergePatch(before, change)
      const undo = undoOf(before, after, change)
      expect(valuesAt(after, undo.patch)).toEqual(undo.left)
      expect(mergePatch(after, undo.patch)).toEqual(before)
    }),
  )
})

test('what an inverse would change and somebody else changed before is no longer as it was left', () => {
  fc.assert(
    fc.property(object, patch, patch, (before, change, another) => {
      const after = mergePatch(before, change)
      const undo = undoOf(before, after, change)
      const now = mergePatch(after, another)
      if (!isDeepStrictEqual(valuesAt(now, undo.patch), undo.left)) return
      // As it was left: putting back overwrites nothing that the other changed.
      const { before: ours } = differenceOf(after, mergePatch(after, undo.patch))
      const { before: theirs } = differenceOf(after, now)
      expect(Object.keys(ours).filter((path) => path in theirs)).toEqual([])
    }),
  )
})

test('an inverse puts nothing back that its patch did not change', () => {
  const before = { spec: { replicas: 2, paused: true } }
  const patch = { spec: { replicas: 2, paused: false } }
  expect(undoOf(before, patch, patch)).toEqual({
    patch: { spec: { paused: true } },
    left: { spec: { paused: false } },
  })
})

test('a difference names every field that differs and no other, with both values', () => {
  fc.assert(
    fc.property(object, object, (before, after) => {
      const { before: old, after: now } = differenceOf(before, after)
      const at = (value: unknown, path: string): unknown =>
        path
          .split('.')
          .reduce((inner: unknown, name) => (isFields(inner) ? inner[name] : undefined), value) ?? null
      expect(Object.keys(old)).toEqual(Object.keys(now))
      for (const path of Object.keys(now)) {
        expect([at(before, path), at(after, path)]).toEqual([old[path], now[path]])
        expect(old[path]).not.toEqual(now[path])
      }
      if (Object.keys(now).length === 0) expect(after).toEqual(before)
    }),
  )
})

describe('what Haetae owns of an object', () => {
  const deployment = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: {
      name: 'web',
      labels: { ours: 'yes', theirs: 'yes' },
      finalizers: ['ours', 'theirs'],
      managedFields: [
        { manager: 'kubectl', operation: 'Apply', fieldsV1: { 'f:spec': { 'f:paused': {} } } },
        { manager: 'haetae', operation: 'Update', fieldsV1: { 'f:spec': { 'f:paused': {} } } },
        {
          manager: 'haetae',
          operation: 'Apply',
          fieldsV1: {
            'f:metadata': { 'f:labels': { 'f:ours': {} }, 'f:finalizers': { 'v:"ours"': {} } },
            'f:spec': {
              'f:replicas': {},
              'f:gone': {},
              'f:containers': { 'k:{"name":"web"}': { '.': {}, 'f:name': {}, 'f:image': {} } },
              'f:selector': {},
            },
          },
        },
      ],
    },
    spec: {
      ...{ replicas: 2, paused: false, selector: { app: 'web' } },
      containers: [
        { name: 'other', image: 'o' },
        { name: 'web', image: 'w', env: [] },
      ],
    },
  }

  test('is told by the record of the server: fields, items of lists, whole values', () => {
    expect(ownedOf(deployment)).toEqual({
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'web', labels: { ours: 'yes' } },
      spec: { replicas: 2, selector: { app: 'web' }, containers: [{ name: 'web', image: 'w' }] },
    })
  })

  test('is nothing of an object that it only updated', () => {
    const { managedFields } = deployment.metadata
    const updated = { ...deployment.metadata, managedFields: managedFields.slice(0, 2) }
    expect(ownedOf({ ...deployment, metadata: updated })).toBeUndefined()
  })
})

describe('changing the object that was seen', () => {
  const seen = { uid: 'u', resourceVersion: '1', content: 'c' }
  const refused = new PreconditionRefused('any', 'stale')

  test('goes on when only its version moved, and is refused when anything else did', async () => {
    const change = async (now: { resourceVersion: string }) => {
      if (now.resourceVersion === '1') throw refused
      return now.resourceVersion
    }
    const becoming = (again: object | null) =>
      changeSeen(seen, async () => (again === null ? null : { ...seen, ...again }), change)
    await expect(becoming({ resourceVersion: '2' })).resolves.toBe('2')
    for (const other of [
      null,
      {},
      { resourceVersion: '2', uid: 'v' },
      { resourceVersion: '2', content: 'd' },
    ])
      await expect(becoming(other)).rejects.toBe(refused)
  })
})
