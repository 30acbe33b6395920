import { expect, test } from 'vitest'
import { canonicalJson } from '#model/digest.ts'
import { PreconditionRefused, Unreachable } from '#runbook/step-type.ts'
import { stepTypes } from '#steps/index.ts'
import type { Step, Targets } from '#steps/targets.ts'
import { acting, planning, type ContextOptions } from './step-contexts.ts'

/** One step type on its real target, prepared so that what it brings about is absent. */
export interface Subject<I, S, O> {
  input: I
  targets: Pick<Targets, 'readers' | 'writers'>
  context?: ContextOptions
  /** What the target itself says was written since it was prepared, in its own words: its log, its serial, its rows. */
  written(): Promise<string[]>
  /** Changes what the step's precondition is about behind its back; absent for a type that declares none. */
  meddle?: () => Promise<void>
  /** For a type with an inverse: what others do when the step was applied. */
  others?: Others
  /** The same step on a target that takes connections and never answers. */
  silent?: Pick<Targets, 'readers' | 'writers'>
  /** A state as the step would have seen it, for `apply` on the silent target. */
  state?: S
  output?: (output: O) => void
}

/** By the target's own means, not Haetae's. */
export interface Others {
  /** What the step writes, as it is now. */
  there(): Promise<unknown>
  /** Somebody changes that. */
  change(): Promise<void>
  /** Somebody changes something beside it. */
  changeBeside(): Promise<void>
}

/**
 * What holds for every step type (runbooks.md). `prepare` gives a fresh subject; it may use the test's own clean-up.
 */
export function conforms<I, S, O>(step: Step<I, S, O>, prepare: () => Promise<Subject<I, S, O>>): void {
  test(`${step.type}: what it takes, sees and gives is JSON`, async () => {
    const { input, targets, context } = await prepare()
    expect(step.input.parse(JSON.parse(canonicalJson(input)))).toEqual(input)
    const ctx = acting(targets, context)
    const state = await step.observe(ctx, input)
    expect(JSON.parse(canonicalJson(state))).toEqual(state)
    const output = await step.apply(ctx, input, state)
    expect(step.output.parse(JSON.parse(canonicalJson(output)))).toEqual(output)
  })

  test(`${step.type}: planning writes nothing, by the target's own record`, async () => {
    const { input, targets, written } = await prepare()
    const ctx = planning(targets)
    const before = await written()
    const state = await step.observe(ctx, input)
    step.judge(input, state)
    const changes = await step.plan(ctx, input, state)
    const named = step.targets?.(input)
    if (named !== undefined)
      expect(changes.map(({ target }) => target).filter((target) => !named.includes(target))).toEqual([])
    expect(await written()).toEqual(before)
  })

  test(`${step.type}: applied, it holds; adopted, it gives the same; applied twice, it is applied once`, async () => {
    const { input, targets, context, written, output: check } = await prepare()
    const ctx = acting(targets, context)
    const before = await step.observe(ctx, input)
    if (step.effect !== 'read') expect(step.judge(input, before)).toBe('absent')
    const output = await step.apply(ctx, input, before)
    check?.(output)
    const done = acting(targets, { ...context, lastTry: 'done' })
    const after = await step.observe(done, input)
    expect(step.judge(input, after)).toBe('holds')
    expect(step.adopt(input, after)).toEqual(output)
    const once = await written()
    if (step.effect !== 'read') expect(once).not.toEqual([])
    // The second time as a retry does it: after a look. What it gives and what is there stay the same.
    if (step.effect !== 'point-of-no-return') {
      expect(await step.apply(ctx, input, after)).toEqual(output)
      expect(await distinct(written)).toEqual(distinctOf(once))
    }
  })

  takenBack[step.inverse.kind](step, prepare)

  test(`${step.type}: a stale precondition is refused by the target, or it is said to be unfenced`, async () => {
    const { input, targets, context, meddle } = await prepare()
    if (meddle === undefined) {
      if (step.effect !== 'keyed') expect(step.precondition.kind).toBe('unfenced')
      return
    }
    const ctx = acting(targets, context)
    const state = await step.observe(ctx, input)
    await meddle()
    await expect(step.apply(ctx, input, state)).rejects.toBeInstanceOf(PreconditionRefused)
  })

  test(`${step.type}: a target that never answers ends at the signal, as unreachable`, async () => {
    const { input, silent, context, state } = await prepare()
    if (silent === undefined) return
    const began = performance.now()
    const looking = acting(silent, { ...context, signal: AbortSignal.timeout(300) })
    await expect(step.observe(looking, input)).rejects.toBeInstanceOf(Unreachable)
    if (state !== undefined) {
      const doing = acting(silent, { ...context, signal: AbortSignal.timeout(300) })
      await expect(step.apply(doing, input, state)).rejects.toBeInstanceOf(Unreachable)
    }
    expect(performance.now() - began).toBeLessThan(4500)
  })
}

const takenBack = { none: isNotTakenBack, step: isTakenBack }

function isNotTakenBack<I, S, O>(step: Step<I, S, O>, prepare: () => Promise<Subject<I, S, O>>): void {
  test(`${step.type}: it gives no inverse, as it says`, async () => {
    const { input, targets, context } = await prepare()
    expect(step.invert(input, await step.observe(acting(targets, context), input))).toBe('none')
  })
}

function isTakenBack<I, S, O>(step: Step<I, S, O>, prepare: () => Promise<Subject<I, S, O>>): void {
  /** Applied; and the step that takes it back. */
  async function applied() {
    const { input, targets, context, others } = await prepare()
    if (others === undefined)
      throw new Error(`${step.type} has an inverse, and nobody else acts in this test`)
    const ctx = acting(targets, context)
    const was = await others.there()
    const before = await step.observe(ctx, input)
    await step.apply(ctx, input, before)
    const inverse = step.invert(input, before)
    if (inverse === 'none') throw new Error(`${step.type} declares an inverse and gives none`)
    expect(step.inverse).toEqual({ kind: 'step', type: inverse.type })
    const undoing = stepTypes.get(inverse.type) as Step<unknown, unknown, unknown>
    const back = undoing.input.parse(JSON.parse(canonicalJson(inverse.with)))
    const done = acting(targets, { ...context, lastTry: 'done' })
    return { others, ctx, done, was, undoing, back }
  }

  test(`${step.type}: its inverse restores what was there, also when somebody changed something beside it`, async () => {
    const { others, ctx, done, was, undoing, back } = await applied()
    await others.changeBeside()
    const state = await undoing.observe(ctx, back)
    expect([undoing.judge(back, state), undoing.changedSince?.(back, state)]).toEqual(['absent', []])
    await undoing.apply(ctx, back, state)
    expect(undoing.judge(back, await undoing.observe(done, back))).toBe('holds')
    expect(await others.there()).toEqual(was)
  })

  test(`${step.type}: what somebody changed since is not taken back: its inverse asks, and is refused`, async () => {
    const { others, ctx, was, undoing, back } = await applied()
    await others.change()
    const theirs = await others.there()
    expect(theirs).not.toEqual(was)
    const state = await undoing.observe(ctx, back)
    expect(undoing.judge(back, state)).toBe('unclear')
    expect(undoing.changedSince?.(back, state)).not.toEqual([])
    await expect(undoing.apply(ctx, back, state)).rejects.toBeInstanceOf(PreconditionRefused)
    expect(await others.there()).toEqual(theirs)
  })

  test(`${step.type}: what somebody changes while its inverse is under way is refused by the target`, async () => {
    const { others, ctx, undoing, back } = await applied()
    const state = await undoing.observe(ctx, back)
    await others.change()
    const theirs = await others.there()
    await expect(undoing.apply(ctx, back, state)).rejects.toBeInstanceOf(PreconditionRefused)
    expect(await others.there()).toEqual(theirs)
  })
}

async function distinct(written: () => Promise<string[]>): Promise<string[]> {
  return distinctOf(await written())
}

function distinctOf(lines: readonly string[]): string[] {
  return [...new Set(lines)].sort()
}
