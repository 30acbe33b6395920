import { readdir, readFile, rm, rmdir } from 'node:fs/promises'
import { join } from 'node:path'
import { HaetaeError, messageOf } from '#model/errors.ts'
import { destroyCgroup } from './cgroup.ts'
import { attempt, run } from './command.ts'
import { CHECKOUT, LABS_ROOT, type Instance } from './instance.ts'
import { restoreSysctls } from './sysctl.ts'

/**
 * Removes everything of a lab, whatever state it is in: processes, cgroups, mounts, network namespaces, loop
 * devices, changed host settings, folders. Finds them by the lab's names and not by a record, so it also cleans
 * what a killed lab left. The caller holds the instance.
 *
 * @throws HaetaeError `lab-command-failed` that names what could not be removed; running it again is safe.
 */
export async function clean(instance: Instance, { keepFolder = false } = {}): Promise<void> {
  const steps: Step[] = [
    ['its processes and cgroups', () => destroyCgroup(instance.cgroup)],
    ['its mounts', () => unmountBelow(instance.root)],
    ['its loop devices', () => detachLoops(instance.root)],
    ...(keepFolder ? [] : [['its folder', () => removeFolder(instance.root)] as Step]),
    ['its command line context', () => removeContext(instance)],
    ['changed host settings', () => restoreSysctls(instance)],
    ['the folder of all labs', removeRootWhenEmpty],
  ]
  for (const [what, step] of steps) {
    try {
      await step()
    } catch (cause) {
      throw new HaetaeError('lab-command-failed', `could not remove ${what} (lab ${instance.name})`, {
        where: instance.root,
        why: messageOf(cause),
        remedy: 'Run `haetae lab down` again; it goes on from here.',
        cause,
      })
    }
  }
}

type Step = [string, () => Promise<void>]

/** Handles of network namespaces among them: a namespace ends with its last process and its handle. */
async function unmountBelow(root: string): Promise<void> {
  for (const mountPoint of (await mountsBelow(root)).reverse()) await run(['umount', mountPoint])
}

/** Mount points below a folder in this mount namespace, in the order they were mounted. */
async function mountsBelow(root: string): Promise<string[]> {
  const lines = (await readFile('/proc/self/mountinfo', 'utf8')).split('\n')
  const points = lines.map((line) => (line.split(' ')[4] ?? '').replaceAll('\\040', ' '))
  return points.filter((point) => point.startsWith(`${root}/`))
}

/** A loop device goes by itself with its last mount; one that was never mounted does not. */
async function detachLoops(root: string): Promise<void> {
  const listed = await attempt(['losetup', '--list', '--noheadings', '--raw', '--output', 'NAME,BACK-FILE'])
  for (const line of listed.stdout.split('\n')) {
    const [device, file] = line.split(' ')
    if (device !== undefined && file?.startsWith(`${root}/`)) await run(['losetup', '--detach', device])
  }
}

async function removeFolder(root: string): Promise<void> {
  // Removal does not stop at a mount: what is mounted would be emptied.
  const left = await mountsBelow(root)
  if (left.length > 0) throw new Error(`still mounted: ${left.join(', ')}`)
  await rm(root, { recursive: true, force: true, maxRetries: 3 })
}

/** The command line's context of this checkout, when it leads to this lab. */
async function removeContext(instance: Instance): Promise<void> {
  const folder = join(CHECKOUT, '.haetae')
  const file = join(folder, 'context.json')
  const text = await readFile(file, 'utf8').catch(() => '')
  if (!text.includes(`${instance.root}/`)) return
  await rm(file, { force: true })
  if ((await readdir(folder)).length === 0) await rmdir(folder)
}

async function removeRootWhenEmpty(): Promise<void> {
  const entries = await readdir(LABS_ROOT).catch(() => undefined)
  if (entries?.length === 0) await rmdir(LABS_ROOT)
}
