import { existsSync, globSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { string as text } from '@oclif/core/args'
import { string } from '@oclif/core/flags'
import { HaetaeError, messageOf } from '#model/errors.ts'
import type { Problem } from '#platform/yaml/problem.ts'
import { paint } from '#terminal/paint.ts'
import { BaseCommand } from '../base.ts'

const checkout = join(import.meta.dirname, '../..')

export default class RunbookLint extends BaseCommand {
  static override summary =
    'Check runbooks: form, graph, types, principles; every mistake with line and column.'
  static override description =
    'Offline: asks no daemon. Without files, checks runbooks/ of the checkout. ' +
    'A runbook that a file calls is looked for among the files and in their folders. ' +
    'Exit codes: 0 nothing is wrong; 2 something is, or a file cannot be read.'
  static override examples = [
    '<%= config.bin %> runbook lint',
    '<%= config.bin %> runbook lint runbooks/failover-postgres-web.yaml --json',
  ]
  static override strict = false
  static override args = { files: text({ description: 'Files to check.' }) }
  static override flags = {
    estate: string({
      helpValue: 'FILE',
      description: 'Estate whose sites no runbook may name; else estate/estate.yaml.',
    }),
  }

  async run() {
    const { argv, flags } = await this.parse(RunbookLint)
    const given = argv.map(String)
    const files =
      given.length > 0
        ? given
        : globSync('runbooks/*.yaml', { cwd: checkout }).map((file) => join(checkout, file))
    const [{ lintRunbookFiles, runbookInvalid }, { stepTypes }, { problemText }] = await Promise.all([
      import('#runbook/load.ts'),
      import('#steps/index.ts'),
      import('#terminal/file-problem.ts'),
    ])
    const context = { stepTypes, sites: await sitesOf(flags.estate) }
    const problems = await lintRunbookFiles(files, context)
    this.print(problems.flatMap((problem) => problemText(problem)))
    if (problems.length > 0) {
      process.exitCode = runbookInvalid(files, problems).exitCode
      this.log(
        paint(
          'red',
          this.say(
            `${problems.length}건이 잘못되었습니다.`,
            problems.length === 1 ? '1 mistake.' : `${problems.length} mistakes.`,
          ),
        ),
      )
      if (problems.some(hidesOthers))
        this.log(
          this.say(
            'yaml·shape 규칙에 걸린 파일은 그것을 고친 뒤 다른 규칙으로 점검합니다.',
            'A file that is wrong by yaml or shape is checked by the other rules once that is corrected.',
          ),
        )
    } else
      this.log(this.say(`런북 ${files.length}개: 문제없음`, `${files.length} runbooks: nothing is wrong`))
    return { files, problems }
  }
}

/** A mistake of form, before any step was looked at: the other rules have not been applied yet. */
function hidesOthers({ rule, path }: Problem): boolean {
  return rule === 'yaml' || (rule === 'shape' && !path.includes('].with'))
}

async function textOf(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (cause) {
    throw new HaetaeError('runbook-unreadable', file, { where: file, why: messageOf(cause), cause })
  }
}

/** Ids of an estate's sites; none when there is no estate at the usual place. */
async function sitesOf(given: string | undefined): Promise<string[]> {
  const file = given ?? join(checkout, 'estate/estate.yaml')
  if (given === undefined && !existsSync(file)) return []
  const { readYaml } = await import('#platform/yaml/document.ts')
  const { value } = readYaml(await textOf(file), file)
  const sites = (value as { sites?: { id?: unknown }[] } | undefined)?.sites ?? []
  return sites.map((site) => String(site.id))
}
