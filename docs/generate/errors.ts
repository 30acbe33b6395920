import { catalogue, type CatalogueEntry } from '#model/error-catalogue.ts'

const meaning: Record<number, string> = {
  0: 'done',
  1: 'a defect of Haetae itself',
  2: 'wrong usage or input',
  3: 'not allowed',
  4: 'not found',
  5: 'a conflict with what is',
  6: 'something that is needed is not available',
  7: '`run watch`: the run failed or was canceled',
  8: '`plan diff`, `run drift`: something differs',
}

/** docs/errors.md: every error of the catalogue, in the order of its codes. */
export function errorsPage(): string {
  const entries: [string, CatalogueEntry][] = Object.entries(catalogue)
  const sections = entries
    .toSorted(([a], [b]) => a.localeCompare(b, 'en'))
    .map(
      ([code, entry]) =>
        `## \`${code}\`\n\n${sentence(entry.en)} / ${entry.ko}.\n\nHTTP ${entry.status}, exit code ${entry.exit}. ` +
        `What to do: ${entry.remedy}${entry.remedyKo === undefined ? '' : ` / ${entry.remedyKo}`}\n`,
    )
  const exits = Object.entries(meaning).map(([exit, text]) => `| ${exit} | ${text} |`)
  return [
    '# Errors\n',
    'Every error that a person can meet has a code. The CLI prints what happened, where, why and what to do; with',
    '`--json`, and from the API (`application/problem+json`), it is `{code, title, title_ko, where, why, remedy, facts}`.\n',
    '| exit code | meaning |\n| --- | --- |',
    ...exits,
    '',
    ...sections,
  ].join('\n')
}

function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}
