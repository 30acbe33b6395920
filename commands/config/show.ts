import { join } from 'node:path'
import { string } from '@oclif/core/flags'
import { table } from '#terminal/table.ts'
import { BaseCommand } from '../base.ts'

export default class ConfigShow extends BaseCommand {
  static override summary =
    'Show the configuration that a daemon would use, with where each value comes from, and the rules of approvals.'
  static override description =
    'Offline: reads the file and HAETAE_… variables, and policies/approvals.yaml of the catalogue; asks no daemon. ' +
    'Secrets are hidden. Exit codes: 0; 2 the configuration or the policy is not valid.'
  static override examples = ['<%= config.bin %> config show --config gwangju.yaml']
  static override flags = {
    config: string({ helpValue: 'FILE', description: 'Configuration; else HAETAE_… variables alone.' }),
  }

  async run() {
    const { flags } = await this.parse(ConfigShow)
    const { describeConfig, loadConfig } = await import('#daemon/config.ts')
    const loaded = loadConfig(flags.config)
    const values = describeConfig(loaded)
    const { file } = loaded
    if (file !== undefined) this.print([`${this.say('파일', 'file')}: ${file}`, ''])
    this.print(
      table(
        [
          { title: this.say('항목', 'key'), text: (one) => one.key },
          {
            title: this.say('값', 'value'),
            text: (one) => (typeof one.value === 'string' ? one.value : JSON.stringify(one.value)),
          },
          {
            title: this.say('출처', 'from'),
            // A place in the file: its name stands above.
            text: (one) =>
              one.origin.startsWith(`${file}:`) ? one.origin.slice(`${file}:`.length) : one.origin,
          },
        ],
        values.filter((one) => one.value !== undefined),
      ),
    )
    for (const name of loaded.unusedEnvironment) {
      process.stderr.write(`${this.say('쓰이지 않는 변수', 'not a key of the configuration')}: ${name}\n`)
    }
    const { loadPolicy } = await import('#approval/policy-file.ts')
    const { rulesInForce } = await import('#approval/policy.ts')
    const { policyLines } = await import('#terminal/policy.ts')
    const policy = await loadPolicy(join(loaded.config.catalogueDir, 'policies/approvals.yaml'))
    const approvals = { digest: policy.digest, rules: rulesInForce(policy) }
    this.print(['', ...policyLines(approvals, this.language)])
    return { file: loaded.file ?? null, values, unusedEnvironment: loaded.unusedEnvironment, approvals }
  }
}
