import { expect, test } from 'vitest'
import { k8sApply, type ApplyInput, type ApplyState } from './k8s-apply.ts'

const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'notice' }, data: { ours: 'yes' } }
const removal: ApplyInput = {
  site: 'gwangju',
  namespace: 'gpk',
  object,
  present: false,
  left: { owned: object },
}
const seen = (others: string[], tried: boolean): ApplyState => ({
  found: { uid: 'u', resourceVersion: '1', content: 'c', owned: object, fields: {}, others },
  change: { before: {}, after: {} },
  leaves: null,
  tried,
  refused: null,
})

test('an object is not removed with what somebody put beside, also when the answer of a removal was lost', () => {
  for (const tried of [false, true]) {
    expect(k8sApply.judge(removal, seen([], tried))).toBe('absent')
    expect(k8sApply.judge(removal, seen(['kubectl-edit'], tried))).toBe('unclear')
    expect(k8sApply.judge(removal, { ...seen([], tried), found: null })).toBe('holds')
  }
})
