import { spawn } from 'node:child_process'
import { HaetaeError } from '#model/errors.ts'

export interface CommandOptions {
  /** Written to the command's standard input. */
  input?: string | Buffer
  env?: Record<string, string>
  cwd?: string
  /** Ended with SIGKILL after this time; 60 s when absent. */
  timeoutMs?: number
}

/**
 * Runs a command to its end and returns its standard output.
 *
 * @throws HaetaeError `lab-command-failed` when it cannot be started, ends with another code than 0, or takes
 *   too long; the reason is the end of what it wrote to standard error.
 */
export async function run(argv: readonly string[], options: CommandOptions = {}): Promise<string> {
  const result = await attempt(argv, options)
  if (result.code === 0) return result.stdout
  throw new HaetaeError('lab-command-failed', shown(argv), {
    why:
      result.why ??
      (lastLines(result.stderr || result.stdout, 6) || `it ended with code ${String(result.code)}`),
    facts: { code: result.code },
  })
}

/** The command itself, without the prefixes that lead into namespaces and cgroups. */
function shown(argv: readonly string[]): string {
  const own = argv.slice(argv[0] === 'sh' || argv[0] === 'nsenter' ? argv.indexOf('--') + 1 : 0)
  return own.join(' ').slice(0, 300)
}

export interface CommandResult {
  /** Null when it was ended by a signal or could not be started. */
  code: number | null
  stdout: string
  stderr: string
  /** Why there is no code. */
  why?: string
}

/** Runs a command to its end, whatever that is. */
export function attempt(argv: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
  const [file = '', ...args] = argv
  return new Promise((done) => {
    const child = spawn(file, args, {
      stdio: ['pipe', 'pipe', 'pipe'],
      timeout: options.timeoutMs ?? 60_000,
      killSignal: 'SIGKILL',
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      env: { ...process.env, ...options.env },
    })
    const stdout: Buffer[] = []
    const stderr: Buffer[] = []
    child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk))
    child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk))
    child.stdin.on('error', () => undefined) // it ended before it read all: its exit code tells more
    child.stdin.end(options.input ?? '')
    const output = () => ({
      stdout: Buffer.concat(stdout).toString(),
      stderr: Buffer.concat(stderr).toString(),
    })
    child.on('error', (error) => done({ code: null, ...output(), why: error.message }))
    child.on('close', (code, signal) =>
      done({ code, ...output(), ...(signal === null ? {} : { why: `it was ended by ${signal}` }) }),
    )
  })
}

/** The last lines of a text that say something, joined for an error message. */
export function lastLines(text: string, count: number): string {
  const lines = text.split('\n').filter((line) => line.trim() !== '')
  return lines
    .slice(-count)
    .map((line) => line.trim().slice(0, 400))
    .join('\n')
}
