import { appendFile, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { generateKey } from '#platform/ssh.ts'
import type { Problem } from '#model/errors.ts'
import { attempt } from '../../lab/command.ts'
import { daemonPid, restartDaemon, stopDaemon } from '../../lab/daemon.ts'
import type { Scene } from '../../lab/drill/scene.ts'
import { until } from '../../lab/drill/waiting.ts'
import { CHECKOUT } from '../../lab/instance.ts'
import { inPlace } from '../../lab/place.ts'
import { daemonPaths } from '../../lab/systems/daemon-files.ts'

/** How a command ended: its exit code, and the problem that it told with `--json`. */
export interface Refusal {
  exit: number | null
  problem: Partial<Problem>
}

const haetae = join(CHECKOUT, 'bin', 'haetae.js')
const day = 86_400_000

/** People of a scene who use the command line, among them a stranger and one whose key has run out. */
export class Callers {
  readonly #scene: Scene
  readonly #folder: string

  constructor(scene: Scene) {
    this.#scene = scene
    this.#folder = join(scene.instance.root, 'callers')
  }

  /**
   * Registers `retired-1` at the recovery site, an approver whose key ended yesterday; the roster is read at start,
   * so the daemon is started again. Gives approver-2 a key that nobody registered, in a context of its own.
   */
  async enter(): Promise<void> {
    const { instance, to, haetae: view, signal } = this.#scene
    await mkdir(this.#folder, { recursive: true })
    const publicKey = await generateKey(this.#key('retired-1'), 'retired-1')
    await generateKey(this.#key('stranger'), 'stranger')
    const [from, until_] = [new Date(Date.now() - 30 * day), new Date(Date.now() - day)]
    const key = `{ publicKey: ${publicKey}, validFrom: ${from.toISOString()}, validUntil: ${until_.toISOString()} }`
    const roster = join(daemonPaths(instance, to).catalogue, 'roster.yaml')
    await appendFile(roster, `  - id: retired-1\n    roles: [approver]\n    keys:\n      - ${key}\n`)
    await stopDaemon(instance, to)
    await restartDaemon(instance, to)
    const answers = () => view.sites(to).then((sites) => ({ done: sites }))
    await until(answers, { what: 'the daemon is back', withinMs: 60_000, signal })
    const context = JSON.parse(await readFile(this.#scene.contextFile, 'utf8')) as {
      keys: Record<string, string>
    }
    const keys = { ...context.keys, 'retired-1': this.#key('retired-1'), 'approver-2': this.#key('stranger') }
    await writeFile(this.#file('context.json'), JSON.stringify({ ...context, keys }))
  }

  /** What a command answers that is expected to work. */
  async does(args: readonly string[], as: string): Promise<Record<string, unknown>> {
    const result = await this.#run([...args, '--as', as], this.#scene.contextFile)
    if (result.code === 0) return JSON.parse(result.stdout) as Record<string, unknown>
    throw new Error(`haetae ${args.join(' ')}: ${result.stdout}${result.stderr}`)
  }

  /** How a command is refused; `strange`: with the keys of the stranger and the retired. */
  async tries(args: readonly string[], as: string, strange = false): Promise<Refusal> {
    const context = strange ? this.#file('context.json') : this.#scene.contextFile
    const result = await this.#run([...args, '--as', as], context)
    const told = JSON.parse(result.stdout) as { error?: Problem }
    return { exit: result.code, problem: told.error ?? {} }
  }

  async declare(systems: string, as: string): Promise<string> {
    const { from, to } = this.#scene
    const args = [
      'failover',
      '--from',
      from,
      '--site',
      to,
      '--systems',
      systems,
      '--confirm',
      from,
      '--quiet',
    ]
    return String((await this.does([...args, '--reason', 'a test of refusals'], as))['id'])
  }

  approveArgs(run: string, ...more: string[]): string[] {
    const { to } = this.#scene
    return ['approve', run, '--site', to, '--reason', 'read', '--confirm', run, '--quiet', ...more]
  }

  /** The plan of a run as a file, as `approve --sign-only` reads it; `change` may lie. */
  async planFile(run: string, change: (plan: { run: string }) => unknown = (plan) => plan): Promise<string> {
    const plan = await this.does(['run', 'show', run, '--plan', '--site', this.#scene.to], 'auditor-1')
    const file = this.#file(`plan-${Math.random().toString(36).slice(2)}.json`)
    await writeFile(file, JSON.stringify(change(plan as { run: string })))
    return file
  }

  /** Signs over a plan's file without a daemon, and lets approver-3 bring it to the daemon. */
  async courier(run: string, plan: string, as: string, strange = false): Promise<Refusal> {
    const context = strange ? this.#file('context.json') : this.#scene.contextFile
    const signing = this.approveArgs(run, '--sign-only', '--plan', plan, '--as', as)
    const argv = [process.execPath, haetae, ...signing]
    const signed = await attempt(argv, { cwd: CHECKOUT, env: { HAETAE_CONTEXT: context } })
    if (signed.code !== 0) throw new Error(`signing as ${as}: ${signed.stderr}`)
    const file = this.#file(`signed-${Math.random().toString(36).slice(2)}.json`)
    await writeFile(file, signed.stdout)
    return this.tries(['approve', run, '--send', file, '--site', this.#scene.to], 'approver-3')
  }

  async cancel(run: string): Promise<void> {
    const { to, haetae: view, signal } = this.#scene
    const args = ['run', 'cancel', run, '--site', to, '--confirm', run, '--reason', 'the test is over']
    await this.does(args, 'commander-1')
    const ended = async () => {
      const { state } = await view.run(to, run)
      return state === 'canceled' ? { done: state } : { notYet: `it is ${state}` }
    }
    await until(ended, { what: `the end of run ${run}`, withinMs: 30_000, signal })
  }

  /** A second daemon on the data folder of the one that runs: how it ends, what it says, and who held it. */
  async secondDaemon(): Promise<{ exit: number | null; said: string; holder: number | undefined }> {
    const { instance, to } = this.#scene
    const holder = await daemonPid(instance, to)
    const argv = [...(await inPlace(instance, to)), process.execPath, haetae, 'daemon']
    const result = await attempt([...argv, '--config', daemonPaths(instance, to).config], { cwd: CHECKOUT })
    return { exit: result.code, said: result.stderr, holder }
  }

  #run(args: readonly string[], context: string) {
    const argv = [process.execPath, haetae, ...args, '--json']
    return attempt(argv, { cwd: CHECKOUT, env: { HAETAE_CONTEXT: context } })
  }

  #key(name: string): string {
    return this.#file(`${name}.key`)
  }

  #file(name: string): string {
    return join(this.#folder, name)
  }
}
