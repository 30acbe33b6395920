/** The epoch in a name's TXT records (`epoch=N`); 0 when none says one. With several, the highest counts. */
export function epochInTexts(texts: readonly string[]): number {
  return Math.max(0, ...texts.map((text) => Number(/^epoch=(\d{1,9})$/.exec(text)?.[1] ?? 0)))
}

/** The TXT records with this epoch in place of any other; what else stands there is kept. */
export function textsWithEpoch(texts: readonly string[], epoch: number): string[] {
  return [...texts.filter((text) => !/^epoch=\d+$/.test(text)), `epoch=${epoch}`].sort()
}
