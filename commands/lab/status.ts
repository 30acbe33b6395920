import { table } from '#terminal/table.ts'
import { BaseCommand } from '../base.ts'

export default class LabStatus extends BaseCommand {
  static override summary = 'Show how the lab is: its sites, their parts, the link, the citizens.'
  static override description =
    'As the kernel sees it; Haetae is not asked (see `site list`). Exit codes: 0; 2 wrong use; 6 not allowed to look.'
  static override examples = ['<%= config.bin %> lab status', '<%= config.bin %> lab status --json']

  async run() {
    await this.parse(LabStatus)
    const { status } = await import('../../lab/status.ts')
    const lab = await status()
    this.log(`lab ${lab.instance}: ${lab.state}`)
    if (lab.state !== 'up') return lab
    this.log(`${this.say('센터 간 회선', 'link')}: ${lab.link ?? '-'}`)
    this.log(`${this.say('시민', 'citizens')}: ${lab.citizens === true ? 'up' : '-'}`)
    const missing = (parts: Record<string, boolean>): string =>
      Object.entries(parts)
        .flatMap(([name, alive]) => (alive ? [] : [name]))
        .join(', ')
    this.print(
      table(
        [
          { title: this.say('센터', 'site'), text: (site) => site.site },
          { title: this.say('상태', 'state'), text: (site) => site.state },
          { title: this.say('프로세스', 'processes'), text: (site) => String(site.processes) },
          { title: this.say('Haetae', 'daemon'), text: (site) => (site.daemon ? 'up' : '-') },
          {
            title: this.say('멈춘 구성요소', 'parts that do not run'),
            text: (site) => missing(site.parts),
            shrink: true,
          },
        ],
        lab.sites,
      ),
    )
    return lab
  }
}
