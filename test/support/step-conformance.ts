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
  /** The same step on a target that takes connections and never answers. */
  silent?: Pick<Targets, 'readers' | 'writers'>
  /** A state as the step would have seen it, for `apply` on the silent target. */
  state?: S
  output?: (output: O) => void
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
    await step.plan(ctx, input, state)
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

  test(`${step.type}: its inverse restores what was there, or it says that it has none`, async () => {
    const { input, targets, context } = await prepare()
    const ctx = acting(targets, context)
    const before = await step.observe(ctx, input)
    await step.apply(ctx, input, before)
    const inverse = step.invert(input, before)
    if (step.inverse.kind === 'none') {
      expect(inverse).toBe('none')
      return
    }
    if (inverse === 'none') throw new Error(`${step.type} declares an inverse and gives none`)
    expect(inverse.type).toBe(step.inverse.type)
    const undoing = stepTypes.get(inverse.type)
    if (undoing === undefined) throw new Error(`there is no ${inverse.type}`)
    const back = undoing.input.parse(inverse.with)
    await undoing.apply(ctx, back, await undoing.observe(ctx, back))
    expect(undoing.judge(back, await undoing.observe(ctx, back))).toBe('holds')
    expect(step.judge(input, await step.observe(ctx, input))).toBe(step.judge(input, before))
  })

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
    expect(performance.now() - began).toBeLessThan(2500)
  })
}

async function distinct(written: () => Promise<string[]>): Promise<string[]> {
  return distinctOf(await written())
}

function distinctOf(lines: readonly string[]): string[] {
  return [...new Set(lines)].sort()
}
