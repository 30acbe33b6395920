import type { StepView } from '#api/schema/estate.ts'
import { kindOf, levelsOf } from './graph.ts'
import type { Language } from './language.ts'

/* The graph of a runbook for documents: as Mermaid, which GitHub and most wikis draw, and as SVG, which needs nothing. */

/** Words that Mermaid keeps for itself; a step may be named so. */
const reserved = new Set([
  'end',
  'graph',
  'subgraph',
  'flowchart',
  'class',
  'click',
  'style',
  'default',
  'finally',
])
const nameOf = (id: string) => (reserved.has(id) ? `${id}_` : id)

/** A Mermaid flowchart. */
export function mermaidText(steps: readonly StepView[], language: Language): string {
  const escaped = (text: string) => text.replaceAll('"', '#quot;').replaceAll('<', '#lt;')
  const box = (step: StepView) => {
    const label = `"${escaped(`${step.id}: ${step.title[language]}`)}<br/>${escaped(kindOf(step))}"`
    if (isGate(step)) return `${nameOf(step.id)}{{${label}}}`
    return step.effect === 'point-of-no-return'
      ? `${nameOf(step.id)}[[${label}]]`
      : `${nameOf(step.id)}[${label}]`
  }
  const ending = steps.filter((step) => step.finally === true)
  return [
    'flowchart TD',
    ...steps.filter((step) => step.finally !== true).map((step) => `  ${box(step)}`),
    ...(ending.length === 0
      ? []
      : [
          `  subgraph finally["${language === 'ko' ? '마지막에 항상' : 'at the end, whatever happened'}"]`,
          ...ending.map((step) => `    ${box(step)}`),
          '  end',
        ]),
    ...steps.flatMap((step) => step.needs.map((need) => `  ${nameOf(need)} --> ${nameOf(step.id)}`)),
  ].join('\n')
}

const width = 230
const height = 46
const gapX = 24
const gapY = 40
const margin = 16

interface Box {
  step: StepView
  x: number
  y: number
}

/** An SVG image: rows of what can run together, lines from what is needed to what needs it. */
export function svgText(steps: readonly StepView[], language: Language): string {
  const rows = rowsOf(steps)
  const widest = Math.max(1, ...rows.map((row) => row.length))
  const full = widest * (width + gapX) - gapX + 2 * margin
  const boxes = new Map<string, Box>()
  for (const [nth, row] of rows.entries()) {
    const left = (full - (row.length * (width + gapX) - gapX)) / 2
    for (const [index, step] of row.entries())
      boxes.set(step.id, { step, x: left + index * (width + gapX), y: margin + nth * (height + gapY) })
  }
  const tall = rows.length * (height + gapY) - gapY + 2 * margin
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${full}" height="${tall}" viewBox="0 0 ${full} ${tall}" font-family="sans-serif" font-size="12">`,
    `<rect width="${full}" height="${tall}" fill="white"/>`,
    ...[...boxes.values()].flatMap((to) => to.step.needs.map((need) => line(boxes.get(need), to))),
    ...[...boxes.values()].flatMap((box) => drawn(box, language)),
    '</svg>',
  ].join('\n')
}

function rowsOf(steps: readonly StepView[]): StepView[][] {
  const parts = [steps.filter((step) => step.finally !== true), steps.filter((step) => step.finally === true)]
  return parts.flatMap((part) => {
    const levels = levelsOf(part)
    const deepest = Math.max(-1, ...levels.values())
    return Array.from({ length: deepest + 1 }, (_, depth) =>
      part.filter(({ id }) => levels.get(id) === depth),
    )
  })
}

function line(from: Box | undefined, to: Box): string {
  if (from === undefined) return ''
  const [x1, y1, x2, y2] = [from.x + width / 2, from.y + height, to.x + width / 2, to.y]
  const middle = (y1 + y2) / 2
  return `<path d="M${x1} ${y1} C${x1} ${middle} ${x2} ${middle} ${x2} ${y2}" fill="none" stroke="#888"/>`
}

function drawn({ step, x, y }: Box, language: Language): string[] {
  const danger = step.effect === 'point-of-no-return'
  const fill = danger ? '#fde2e2' : isGate(step) ? '#fff3cd' : step.finally === true ? '#eeeeee' : '#e7f0fd'
  const dash = step.finally === true ? ' stroke-dasharray="4 3"' : ''
  return [
    `<rect x="${x}" y="${y}" width="${width}" height="${height}" rx="6" fill="${fill}" stroke="${danger ? '#b00020' : '#555'}"${dash}/>`,
    `<text x="${x + 10}" y="${y + 19}" font-weight="bold">${xml(fitted(`${step.id}: ${step.title[language]}`))}</text>`,
    `<text x="${x + 10}" y="${y + 36}" fill="#555">${xml(fitted(`${kindOf(step)}${danger ? ' !' : ''}`))}</text>`,
  ]
}

function isGate({ gate, type }: StepView): boolean {
  return gate !== null || type === 'manual' || type === 'wait'
}

/** Roughly what fits into a box: Korean letters are twice as wide. */
function fitted(text: string): string {
  let room = 32
  const kept: string[] = []
  for (const letter of text) {
    room -= letter > '\u1100' ? 1.8 : 1
    if (room < 0) return `${kept.join('')}…`
    kept.push(letter)
  }
  return text
}

function xml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
