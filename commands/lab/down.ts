import { BaseCommand } from '../base.ts'

export default class LabDown extends BaseCommand {
  static override summary =
    'Take the lab away: no process, mount, namespace, cgroup, setting or folder of it stays.'
  static override description =
    'Also removes what a killed lab left. No lab is not an error. ' +
    'Exit codes: 0; 2 wrong use; 6 something could not be removed (say it again: it goes on from there).'
  static override examples = ['<%= config.bin %> lab down']

  async run() {
    await this.parse(LabDown)
    const { down } = await import('../../lab/down.ts')
    const done = await down()
    const seconds = (done.elapsedMs / 1000).toFixed(1)
    this.log(
      this.say(
        `실습 환경 ${done.instance} 제거: ${seconds}초`,
        `lab ${done.instance} is gone after ${seconds} s`,
      ),
    )
    return done
  }
}
