import type { ImageSpec } from './build.ts'
import { baseRootFs } from './root-fs.ts'

/**
 * The image that holds a pod's namespaces open. busybox, not the multi-call binary of Kubernetes: a pause
 * process of that one takes 40 times the memory, and one stands in every pod.
 */
export function pauseImage(): ImageSpec {
  return {
    name: 'haetae-lab/pause',
    root: baseRootFs([]),
    entrypoint: ['/bin/busybox', 'sleep', '2147483647'],
    env: ['PATH=/bin'],
    user: '65535',
  }
}
