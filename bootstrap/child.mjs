import { spawn, spawnSync } from 'node:child_process'
import { say, Stop } from './say.mjs'

/** @type {NodeJS.Signals | undefined} */
let signalReceived
/** @type {Set<(signal: NodeJS.Signals) => void>} */
const listeners = new Set()

/**
 * From now on Ctrl-C and its like end no step half-way: this process decides what is ended and what is let finish.
 * Only a program of the bootstrap calls it, so that importing a part of it changes nothing.
 */
function watchInterruption() {
  for (const signal of /** @type {NodeJS.Signals[]} */ (['SIGINT', 'SIGTERM', 'SIGHUP'])) {
    process.on(signal, () => {
      signalReceived = signal
      for (const listener of listeners) listener(signal)
    })
  }
}

/**
 * Runs a program's main function: a Stop becomes its sentence and exit code, anything else thrown is a defect.
 * @param {() => Promise<number>} main
 */
export function runMain(main) {
  watchInterruption()
  main().then(
    (code) => process.exit(code),
    (error) => {
      if (error instanceof Stop) say(error.message)
      else console.error(error)
      process.exit(error instanceof Stop ? error.exitCode : 1)
    },
  )
}

/** @param {NodeJS.Signals} signal */
function exitCodeOf(signal) {
  return 128 + { SIGINT: 2, SIGTERM: 15, SIGHUP: 1 }[/** @type {'SIGINT'} */ (signal)]
}

/**
 * Throws when the user asked to stop: called between steps, so that no step is begun after Ctrl-C.
 * @param {string} [sentence]
 */
export function stopIfInterrupted(
  sentence = 'Stopped as asked. What was installed so far stays and is used by the next run.',
) {
  if (signalReceived !== undefined) throw new Stop(sentence, exitCodeOf(signalReceived))
}

/**
 * @typedef {object} ChildOptions
 * @property {string} [cwd]
 * @property {NodeJS.ProcessEnv} [env]
 * @property {(line: string) => void} [onLine] every line of stdout and stderr
 * @property {'end' | 'finish'} [onInterrupt] `end`: the child is ended at once (default). `finish`: it is let finish,
 *   because ending it would leave something half (dpkg).
 * @property {(signal: NodeJS.Signals) => void} [interrupted] called when the user asks to stop meanwhile
 */

/**
 * Runs a program in a process group of its own (a Ctrl-C on the terminal does not reach it: this process decides),
 * and returns its exit code with what it wrote.
 * @param {string} command @param {string[]} args @param {ChildOptions} [options]
 * @returns {Promise<{code: number, output: string}>}
 */
export function runChild(command, args, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: options.cwd,
      env: options.env ?? process.env,
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    })
    let output = ''
    for (const stream of [child.stdout, child.stderr]) {
      let rest = ''
      stream.setEncoding('utf8')
      stream.on('data', (/** @type {string} */ text) => {
        output = (output + text).slice(-200_000)
        const lines = (rest + text).split('\n')
        rest = lines.pop() ?? ''
        for (const line of lines) options.onLine?.(line)
      })
    }
    /** @param {NodeJS.Signals} signal */
    const interrupt = (signal) => {
      options.interrupted?.(signal)
      if (options.onInterrupt === 'finish' || child.pid === undefined) return
      endGroup(child.pid, 'SIGTERM')
      setTimeout(() => child.pid !== undefined && endGroup(child.pid, 'SIGKILL'), 5000).unref()
    }
    listeners.add(interrupt)
    child.once('error', (error) => {
      listeners.delete(interrupt)
      reject(new Stop(`${command} cannot be started: ${error.message}`))
    })
    child.once('close', (code) => {
      listeners.delete(interrupt)
      resolve({ code: code ?? 1, output })
    })
  })
}

/** @param {number} pid @param {NodeJS.Signals} signal */
function endGroup(pid, signal) {
  try {
    process.kill(-pid, signal)
  } catch {
    // It has ended already.
  }
}

/**
 * Hands the terminal to a program: it gets Ctrl-C itself; this process waits for it and returns its exit code.
 * SIGTERM and SIGHUP, which only this process may have got, are passed on.
 * @param {string} command @param {string[]} args @param {{env?: NodeJS.ProcessEnv, cwd?: string}} [options]
 * @returns {Promise<number>}
 */
export function handOver(command, args, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: 'inherit', ...options })
    /** @param {NodeJS.Signals} signal */
    const pass = (signal) => {
      if (signal !== 'SIGINT' || process.stdin.isTTY !== true) child.kill(signal)
    }
    listeners.add(pass)
    child.once('error', (error) => reject(new Stop(`${command} cannot be started: ${error.message}`)))
    child.once('close', (code, signal) => {
      listeners.delete(pass)
      resolve(code ?? (signal === null ? 1 : exitCodeOf(signal) || 1))
    })
  })
}

/**
 * The trimmed stdout of a short command, or undefined when it fails or is not there.
 * @param {string} command @param {string[]} args @param {{cwd?: string, env?: NodeJS.ProcessEnv}} [options]
 */
export function ask(command, args, options = {}) {
  const result = spawnSync(command, args, { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024, ...options })
  return result.status === 0 ? result.stdout.trim() : undefined
}
