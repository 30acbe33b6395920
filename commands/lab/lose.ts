import { string as text } from '@oclif/core/args'
import { BaseCommand } from '../base.ts'

export default class LabLose extends BaseCommand {
  static override summary = 'Power loss of a site: its packets vanish, then every process in it ends at once.'
  static override description =
    'Its Haetae daemon too. There is no way back but `lab down` and `lab up`. ' +
    'Exit codes: 0; 2 wrong use; 4 that site does not run.'
  static override examples = ['<%= config.bin %> lab lose daejeon']
  static override args = {
    site: text({
      required: true,
      options: ['daejeon', 'gwangju'],
      description: 'Site that loses its power.',
    }),
  }

  async run() {
    const { args } = await this.parse(LabLose)
    const [{ lose }, { instanceOf, siteOf }] = await Promise.all([
      import('../../lab/lose.ts'),
      import('../../lab/instance.ts'),
    ])
    const loss = await lose(instanceOf(), siteOf(args.site))
    this.log(
      this.say(
        `${loss.site} 센터 전원 상실: ${loss.at} (모든 프로세스 종료까지 ${loss.deadAfterMs} ms)`,
        `${loss.site} lost its power at ${loss.at}; every process was gone after ${loss.deadAfterMs} ms`,
      ),
    )
    return loss
  }
}
