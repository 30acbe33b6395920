import { describe, expect, test } from 'vitest'
import { runbookDetail } from '#api/runbook-view.ts'
import { mermaidText, svgText } from '#terminal/graph-drawing.ts'
import { graphLines } from '#terminal/graph.ts'
import { ends, step, gate, each, book, named, types } from '../../support/runbook-text.ts'

describe('the drawing', () => {
  const draft = (): Parameters<typeof runbookDetail>[0] => {
    const text = `${book(gate + each('items: [a]', 'needs: [approve]') + step('go', 'leap', `needs: [each], ${ends}`))}finally:\n${step('tidy', 'look')}`
    const { file, definition, digest, graph, compiled, scope } = named(
      text.replace('en: Step', 'en: "A <b> & \\"c\\""'),
    )[1]
    return { file, definition, digest, scope, steps: graph.sequence.flatMap((id) => compiled.get(id) ?? []) }
  }
  const steps = runbookDetail(draft(), types).graph

  test('in the terminal puts the end at the end', () => {
    const lines = graphLines(steps, 'en').join('\n')
    expect(lines).toMatch(/failover ×2[^]*look ×n[^]*leap !/)
    expect(lines).toMatch(/at the end, whatever happened[^]*tidy/)
  })

  test('as Mermaid names every step and edge, and escapes', () => {
    const text = mermaidText(steps, 'en')
    expect(text).toContain('approve --> each')
    expect(text).toMatch(/go\[\[/)
    expect(text).toContain('#quot;c#quot;')
    expect(text).not.toContain('<b>')
    const end = mermaidText([{ ...(steps[0] as (typeof steps)[0]), id: 'end', needs: [] }], 'en')
    expect(end).toMatch(/^ {2}end_\{\{/m)
  })

  test('as SVG is a picture of every step, and escapes', () => {
    const text = svgText(steps, 'ko')
    expect(text.match(/<rect x/g)).toHaveLength(4)
    expect(text.match(/<path/g)).toHaveLength(2)
    expect(svgText(steps, 'en')).toContain('&lt;b&gt; &amp;')
  })
})
