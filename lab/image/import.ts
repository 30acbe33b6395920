import { run } from '../command.ts'
import type { LabImages } from './images.ts'

/** Imports the lab's images into a containerd, by its socket. `prefix` runs ctr where the containerd runs. */
export async function importImages(
  images: LabImages,
  socket: string,
  prefix: readonly string[],
): Promise<void> {
  for (const { archive } of Object.values(images)) {
    await run([...prefix, 'ctr', '-a', socket, '-n', 'k8s.io', 'images', 'import', archive])
  }
}
