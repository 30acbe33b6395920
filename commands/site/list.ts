import { findingLines } from '#terminal/finding.ts'
import { paintOfState } from '#terminal/paint.ts'
import { pageWidth, table } from '#terminal/table.ts'
import { dayAndTime } from '#terminal/time.ts'
import { wrap } from '#terminal/width.ts'
import { allPages, DaemonCommand } from '../base.ts'

export default class SiteList extends DaemonCommand {
  static override summary =
    'List the sites as this daemon sees them, with reasons and what is seen from where.'
  static override description = 'Exit codes: 0; 2 wrong use; 3 not allowed; 6 no daemon answers.'
  static override examples = [
    '<%= config.bin %> site list',
    '<%= config.bin %> site list --site gwangju --lang ko',
  ]

  async run() {
    const { flags } = await this.parse(SiteList)
    const client = await this.client(flags)
    const sites = await allPages((cursor) => client.call('siteList', { query: { cursor } }))
    this.print(
      table(
        [
          { title: this.say('센터', 'site'), text: (one) => `${one.id}${one.self ? ' *' : ''}` },
          { title: this.say('이름', 'name'), text: (one) => this.text(one.name) },
          {
            title: this.say('상태', 'state'),
            text: (one) => one.state,
            paint: (one) => paintOfState(one.state),
          },
          { title: this.say('시스템', 'systems'), text: (one) => String(one.systemsActive) },
          { title: this.say('부터 (KST)', 'since (KST)'), text: (one) => dayAndTime(one.since) },
          {
            title: this.say('이유', 'why'),
            text: (one) => one.reasons.map((reason) => this.text(reason)).join('; '),
            wrap: true,
          },
        ],
        sites,
      ),
    )
    for (const site of sites) {
      for (const point of site.vantagePoints) {
        const detail = point.detail === null ? '' : ` (${this.text(point.detail)})`
        const seen = `${site.id} ${this.say('관측:', 'seen from')} ${point.from}: ${point.sees}${detail}, ${dayAndTime(point.at)}`
        this.print(wrap(seen, pageWidth - 4).map((line, at) => `${at === 0 ? '  ' : '    '}${line}`))
      }
    }
    this.log(this.say('* 이 데몬의 센터', '* the site of this daemon'))
    this.print(
      findingLines(
        sites.flatMap((one) => one.findings),
        this.language,
      ),
    )
    return { items: sites }
  }
}
