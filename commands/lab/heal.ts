import { BaseCommand } from '../base.ts'

export default class LabHeal extends BaseCommand {
  static override summary =
    'Join the sites again after `lab partition`, and take away limits and drops of the link.'
  static override description = 'Exit codes: 0; 2 wrong use; 4 the lab is not up.'
  static override examples = ['<%= config.bin %> lab heal']

  async run() {
    await this.parse(LabHeal)
    const [{ clearLinkFaults, heal }, { instanceOf }] = await Promise.all([
      import('../../lab/link.ts'),
      import('../../lab/instance.ts'),
    ])
    await clearLinkFaults(instanceOf())
    await heal(instanceOf())
    this.log(this.say('센터 간 회선을 복구했습니다', 'the link between the sites is up'))
    return { link: 'up' }
  }
}
