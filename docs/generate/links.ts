import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join, normalize, relative } from 'node:path'

/** What is wrong with the pages as a whole: a link to a file that is not there, a page that docs/README.md leaves out. */
export function brokenLinks(root: string): string[] {
  const pages = globSync(['*.md', '{docs,runbooks,lab,estate,manifests}/**/*.md'], { cwd: root })
  const faults = pages.flatMap((page) =>
    linksOf(join(root, page))
      .filter((target) => !existsSync(target))
      .map((target) => `${page}: links to ${relative(root, target)}, which does not exist`),
  )
  const index = new Set(linksOf(join(root, 'docs/README.md')))
  const unlisted = globSync('docs/*.md', { cwd: root })
    .filter((page) => page !== 'docs/README.md' && !index.has(join(root, page)))
    .map((page) => `${page}: not listed in docs/README.md`)
  return [...faults, ...unlisted]
}

/** The files that a page links to, without those on the web and those inside the page. */
function linksOf(page: string): string[] {
  return [...readFileSync(page, 'utf8').matchAll(/\]\(([^)\s]+)\)/g)]
    .map((match) => (match[1] ?? '').replace(/#.*$/, ''))
    .filter((target) => target !== '' && !/^[a-z]+:/.test(target))
    .map((target) => normalize(join(dirname(page), target)))
}
