/** An operation that changes nothing: it waits. */
export const settleRunbook = `
apiVersion: haetae/v1
kind: Runbook
metadata: { name: settle, title: { ko: 안정화, en: Settle } }
modes: [operation]
inputs:
  pause: { type: string, title: { ko: 대기 시간, en: Pause } }
steps:
  - id: settle
    title: { ko: 안정화 대기, en: Let it settle }
    type: wait
    with: { for: '\${{ inputs.pause }}' }
`

/** An operation that people have to approve. */
export const guardedRunbook = `
apiVersion: haetae/v1
kind: Runbook
metadata: { name: guarded, title: { ko: 승인이 필요한 작업, en: Guarded } }
modes: [operation]
steps:
  - id: approve
    title: { ko: 승인, en: Approve }
    type: approval
    with: { purpose: operation, quorum: 2 }
  - id: settle
    title: { ko: 안정화 대기, en: Let it settle }
    type: wait
    needs: [approve]
    with: { for: 5s }
`
