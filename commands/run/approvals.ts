import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { string } from '@oclif/core/flags'
import type { StatementView } from '#api/schema/approval.ts'
import { HaetaeError, messageOf } from '#model/errors.ts'
import { gateLines } from '#terminal/gate.ts'
import { table } from '#terminal/table.ts'
import { dayAndTime } from '#terminal/time.ts'
import { DaemonCommand, runArg } from '../base.ts'

export default class RunApprovals extends DaemonCommand {
  static override summary =
    'List what people signed over a run, and what counts; write it out for ssh-keygen.'
  static override description =
    '--out FOLDER writes for each statement N.json (the bytes that were signed), N.sig and N.signer, and prints the ' +
    'commands that check them. Compare each signer with the roster in your own hand. ' +
    'Exit codes: 0; 2 wrong use, or the folder cannot be written; 3 not allowed; 4 no such run; 6 no daemon answers.'
  static override examples = [
    '<%= config.bin %> run approvals RUN --site gwangju',
    '<%= config.bin %> run approvals RUN --out evidence --as auditor-1',
  ]
  static override args = runArg
  static override flags = {
    out: string({ helpValue: 'FOLDER', description: 'Write statements and signatures there.' }),
  }

  async run() {
    const { args, flags } = await this.parse(RunApprovals)
    const client = await this.client(flags)
    const { items, gates } = await client.call('approvalList', { params: { run: args.run } })
    this.print([...gates.flatMap((gate) => gateLines(gate, this.language)), ''])
    this.print(
      table(
        [
          { title: this.say('접수 (KST)', 'received (KST)'), text: (one) => dayAndTime(one.receivedAt) },
          { title: this.say('목적', 'purpose'), text: (one) => one.purpose },
          { title: this.say('이름', 'who'), text: (one) => one.principal },
          { title: this.say('결정', 'decision'), text: (one) => one.decision },
          { title: this.say('사유', 'reason'), text: (one) => one.reason, shrink: true },
          { title: this.say('규칙', 'rules'), text: (one) => one.rules?.join(', ') ?? '-' },
          {
            title: this.say('세지 않는 이유', 'not counted, because'),
            text: (one) => this.text(one.ignored),
            wrap: true,
          },
        ],
        items,
      ),
    )
    if (flags.out !== undefined) {
      const commands = writeOut(flags.out, items)
      this.print(['', this.say('검증:', 'To check:'), ...commands.map((line) => `  ${line}`)])
    }
    return { items, gates }
  }
}

/** Writes the files of every statement; returns the commands that verify them, to be run in that folder. */
function writeOut(folder: string, items: readonly StatementView[]): string[] {
  try {
    mkdirSync(folder, { recursive: true })
    return items.map((one, at) => {
      const name = String(at + 1)
      writeFileSync(join(folder, `${name}.json`), one.signed.statement)
      writeFileSync(join(folder, `${name}.sig`), one.signed.signature)
      writeFileSync(join(folder, `${name}.signer`), `${one.allowedSigner}\n`)
      return `ssh-keygen -Y verify -f ${name}.signer -I ${one.principal} -n ${one.namespace} -s ${name}.sig < ${name}.json`
    })
  } catch (cause) {
    throw new HaetaeError('input-invalid', folder, { where: folder, why: messageOf(cause), cause })
  }
}
