import { boolean } from '@oclif/core/flags'
import { BaseCommand } from '../base.ts'

export default class LabUp extends BaseCommand {
  static override summary =
    'Bring up two real data centers on this machine, with systems, daemons and citizens.'
  static override description =
    'They stay when the command ends; `lab down` takes them away. What a killed lab left is removed first. ' +
    'HAETAE_LAB_INSTANCE names another lab than the one of this checkout. Ctrl-C leaves nothing. ' +
    'Exit codes: 0; 2 wrong use; 5 this lab is up; 6 something is missing here, or a part did not come up.'
  static override examples = ['<%= config.bin %> lab up', '<%= config.bin %> lab up --bare --json']
  static override flags = {
    bare: boolean({ description: 'Only the sites and their link: no systems, daemons or citizens.' }),
  }

  async run() {
    const { flags } = await this.parse(LabUp)
    const [{ up }, { EVERYTHING, SITES_ONLY }] = await Promise.all([
      import('../../lab/up.ts'),
      import('../../lab/contents.ts'),
    ])
    const stop = new AbortController()
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort())
    const lab = await up({
      contents: flags.bare ? SITES_ONLY : EVERYTHING,
      signal: stop.signal,
      progress: ({ label, elapsedMs }) => {
        // On standard error: with --json only the result is on standard output.
        process.stderr.write(`${(elapsedMs / 1000).toFixed(1).padStart(6)} s  ${label}\n`)
      },
    })
    const seconds = (lab.elapsedMs / 1000).toFixed(1)
    this.log(
      this.say(
        `실습 환경 ${lab.instance} 기동: ${seconds}초`,
        `lab ${lab.instance} is up after ${seconds} s`,
      ),
    )
    this.log(this.say(`폴더: ${lab.root}`, `folder: ${lab.root}`))
    return lab
  }
}
