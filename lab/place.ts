import { chmod, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { HaetaeError } from '#model/errors.ts'
import { createCgroup, enterCgroup, hierarchies } from './cgroup.ts'
import { lastLines } from './command.ts'
import { LABS_ROOT, placeFolder, type Instance, type PlaceId } from './instance.ts'
import { netnsFile } from './network.ts'
import { startPart } from './part.ts'

/** Host-wide settings that the kubelet writes: in a place they are files of its own. */
const SHADOWED_SYSCTLS = [
  ...['kernel/panic', 'kernel/panic_on_oops', 'kernel/keys/root_maxkeys', 'kernel/keys/root_maxbytes'],
  ...['vm/overcommit_memory', 'vm/panic_on_oom'],
]

const initFile = (instance: Instance, place: PlaceId): string =>
  join(placeFolder(instance, place), 'init.pid')
const cgroupOf = (instance: Instance, place: PlaceId): string => `${instance.cgroup}/${place}`

/**
 * Creates a place: PID, mount, IPC, UTS and cgroup namespaces over its network, held by an init that reaps.
 * Killing the init ends everything in it at once, and its mounts with it.
 */
export async function createPlace(
  instance: Instance,
  place: PlaceId,
  binary: string,
  nameServers: readonly string[],
): Promise<void> {
  const folder = placeFolder(instance, place)
  await mkdir(folder, { recursive: true })
  await chmod(folder, 0o755)
  await rm(initFile(instance, place), { force: true })
  const resolver = [
    ...nameServers.map((server) => `nameserver ${server}`),
    'options timeout:1 attempts:2',
    '',
  ]
  await writeFile(join(folder, 'resolv.conf'), resolver.join('\n'))
  await writeFile(join(folder, 'init.sh'), await initScript(instance, place, binary))
  const started = await startPart(
    {
      name: 'init',
      argv: [
        ...enterCgroup(await createCgroup(cgroupOf(instance, place))),
        ...['nsenter', `--net=${netnsFile(instance, place)}`, '--'],
        ...['unshare', '--pid', '--mount', '--ipc', '--uts', '--cgroup', '--fork', '--'],
        ...['sh', join(folder, 'init.sh')],
      ],
    },
    join(folder, 'log'),
    true,
  )
  let end: string | undefined
  void started.ended.then((how) => (end = how))
  const deadline = Date.now() + 10_000
  while ((await initPid(instance, place)) === undefined) {
    if (end === undefined && Date.now() < deadline) {
      await sleep(20)
      continue
    }
    const log = lastLines(await readFile(started.logFile, 'utf8').catch(() => ''), 5)
    throw new HaetaeError('lab-part-failed', `namespaces of ${place} ${end ?? 'are not ready in time'}`, {
      where: started.logFile,
      why: log,
    })
  }
}

/** Runs as PID 1 of the new namespaces: makes the mounts, tells its PID on the host, becomes the reaper. */
async function initScript(instance: Instance, place: PlaceId, binary: string): Promise<string> {
  const folder = placeFolder(instance, place)
  const shadows = SHADOWED_SYSCTLS.map(
    (path) => `if [ -e /proc/sys/${path} ]; then
  mkdir -p "/run/sysctl/$(dirname ${path})"
  cat /proc/sys/${path} >/run/sysctl/${path}
  mount --bind /run/sysctl/${path} /proc/sys/${path}
fi`,
  )
  const cgroups = (await hierarchies()).map(
    ({ mountPoint, mountArgs }) =>
      `mkdir -p ${mountPoint}; mount ${mountArgs.join(' ')} cgroup ${mountPoint}`,
  )
  // The host's /proc is still in place here, so this is the PID that the host knows.
  return `set -e
read -r pid rest </proc/self/stat
hostname ${place}
resolver=$(readlink -m /etc/resolv.conf)
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t tmpfs -o mode=755 tmpfs /sys/fs/cgroup
${cgroups.join('\n')}
mount -t tmpfs -o mode=755 tmpfs /run
mount -t tmpfs tmpfs /dev/shm
# Writes of containerd, CNI and kubelet to fixed folders end here and go with the place.
mkdir -p /run/haetae/own
mount --bind ${folder} /run/haetae/own
for name in lib log; do
  mkdir -p /run/haetae/$name/upper /run/haetae/$name/work
  mount -t overlay -o lowerdir=/var/$name,upperdir=/run/haetae/$name/upper,workdir=/run/haetae/$name/work overlay /var/$name
done
# A place sees its own folder of the lab, not the other places' and not the people's keys.
mount -t tmpfs -o mode=755 tmpfs ${LABS_ROOT}
mkdir -p ${folder}
mount --move /run/haetae/own ${folder}
mkdir -p "$(dirname "$resolver")"
[ -e "$resolver" ] || : >"$resolver"
mount --bind ${folder}/resolv.conf "$resolver"
${shadows.join('\n')}
echo "$pid" >${folder}/init.pid
exec '${binary}' pause
`
}

/** PID, on the host, of a place's init; undefined when the place does not run. */
export async function initPid(instance: Instance, place: PlaceId): Promise<number | undefined> {
  const text = await readFile(initFile(instance, place), 'utf8').catch(() => '')
  const pid = Number(text.trim())
  if (!Number.isInteger(pid) || pid <= 0) return undefined
  // A PID can have passed to another process since: only one in the place's cgroup is its init.
  const cgroups = await readFile(`/proc/${pid}/cgroup`, 'utf8').catch(() => '')
  return cgroups.includes(`/${cgroupOf(instance, place)}`) ? pid : undefined
}

/**
 * Prefix of a command that runs inside a place, in its cgroup too.
 *
 * @throws HaetaeError `lab-not-up` when the place does not run.
 */
export async function inPlace(instance: Instance, place: PlaceId): Promise<string[]> {
  const pid = await initPid(instance, place)
  if (pid === undefined) {
    throw new HaetaeError('lab-not-up', `${place} of the lab ${instance.name}`, { where: instance.root })
  }
  return [
    ...enterCgroup(await createCgroup(cgroupOf(instance, place))),
    ...['nsenter', `--target=${pid}`, '--pid', '--mount', '--net', '--ipc', '--uts', '--cgroup', '--'],
  ]
}
