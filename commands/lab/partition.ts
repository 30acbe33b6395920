import { BaseCommand } from '../base.ts'

export default class LabPartition extends BaseCommand {
  static override summary = 'Cut the link between the sites: no packet passes; citizens still reach both.'
  static override description =
    '`lab heal` joins them again. Exit codes: 0; 2 wrong use; 4 the lab is not up; 6 packets could take another way.'
  static override examples = ['<%= config.bin %> lab partition']

  async run() {
    await this.parse(LabPartition)
    const [{ partition }, { instanceOf }] = await Promise.all([
      import('../../lab/link.ts'),
      import('../../lab/instance.ts'),
    ])
    await partition(instanceOf())
    this.log(this.say('센터 간 회선을 끊었습니다', 'the link between the sites is down'))
    return { link: 'down' }
  }
}
