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
