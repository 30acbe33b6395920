import { boolean, option, string } from '@oclif/core/flags'
import type { Client } from '#client/client.ts'
import { reasonOf } from '#client/arguments.ts'
import { signingOf } from '#client/context.ts'
import { gateOf, refuseAltered, signStatement, statementOver, type RunPlan } from '#client/signing.ts'
import { readPlan, readSigned } from '#client/statement-files.ts'
import type { Purpose, Statement } from '#approval/statement.ts'
import { HaetaeError } from '#model/errors.ts'
import { confirmName } from '#terminal/confirm.ts'
import { paint } from '#terminal/paint.ts'
import { planLines } from '#terminal/plan.ts'
import { gateLines, statementLines } from '#terminal/gate.ts'
import { DaemonCommand, runArg } from './base.ts'

interface Flags {
  gate: string
  decision: 'yes' | 'no'
  reason?: string | undefined
  source?: string[] | undefined
  outside: boolean
  'valid-for'?: string | undefined
  confirm?: string | undefined
  'sign-only': boolean
  'break-glass': boolean
  plan?: string | undefined
  send?: string | undefined
  quiet: boolean
  as?: string | undefined
  site?: string | undefined
  context?: string | undefined
}

export default class Approve extends DaemonCommand {
  static override summary =
    'Approve a run, or attest the loss of its site: read the plan, type the name back, sign.'
  static override description =
    'Distinct people sign, never the requester. An attestation says how you know, from two sources that do not rest ' +
    "on each other, one of them outside Haetae's network (--outside says so). --break-glass opens a gate of approvals " +
    'at once, with fewer people, when those whom it takes cannot be reached: it is recorded loudly, and stays an open ' +
    'finding until two others have signed `haetae review RUN`. Without a daemon: --sign-only with ' +
    '--plan FILE writes the signed statement to stdout; --send FILE brings one to the daemon later. ' +
    'Exit codes: 0; 2 wrong use or not confirmed; 3 not allowed (own request, role, key); 4 no such run or gate; ' +
    '5 signed already, plan changed, or run ended; 6 no daemon answers.'
  static override examples = [
    '<%= config.bin %> approve RUN --gate approve --reason "plan read with the duty officer"',
    '<%= config.bin %> approve RUN --gate attest --reason "site is dark" --source "call to the guard room" --source "news helicopter" --outside',
    '<%= config.bin %> approve RUN --break-glass --reason "no approver answers, fire in room 5" --as commander-1',
    '<%= config.bin %> approve RUN --gate approve --reason ok --sign-only --plan plan.json --confirm RUN > signed.json',
    '<%= config.bin %> approve RUN --send signed.json',
  ]
  static override args = runArg
  static override flags = {
    gate: string({
      default: 'approve',
      helpValue: 'GATE',
      description: 'Gate of the plan: approve or attest.',
    }),
    decision: option({
      options: ['yes', 'no'] as const,
      default: 'yes' as const,
      description: 'A no stops the gate.',
    })(),
    reason: string({ helpValue: 'TEXT', description: 'Why; it is signed and stays on record.' }),
    source: string({
      multiple: true,
      helpValue: 'TEXT',
      description: 'How you know; twice for an attestation.',
    }),
    outside: boolean({ description: "You say that one source lies outside Haetae's network." }),
    'break-glass': boolean({
      exclusive: ['decision', 'source', 'outside'],
      description: 'Open the gate with fewer people; two others have to review it.',
    }),
    'valid-for': string({
      helpValue: 'TIME',
      description: 'How long it counts, from receipt on; else as long as the policy says.',
    }),
    confirm: string({ helpValue: 'RUN', description: "The run's name, instead of typing it back." }),
    'sign-only': boolean({ description: 'Write the signed statement to stdout; nothing is sent.' }),
    plan: string({
      helpValue: 'FILE',
      description: 'Plan from `run show RUN --plan --json`; no daemon is asked.',
    }),
    send: string({
      helpValue: 'FILE',
      exclusive: [
        'sign-only',
        'plan',
        'reason',
        'source',
        'outside',
        'gate',
        'decision',
        'break-glass',
        'valid-for',
      ],
      description:
        'Send a statement that --sign-only wrote; what it says was signed and is not changed here.',
    }),
    quiet: boolean({ description: 'Do not show the plan.' }),
  }

  async run() {
    const { args, flags } = await this.parse(Approve)
    const signed = flags.send === undefined ? await this.#sign(args.run, flags) : readSigned(flags.send)
    if (flags['sign-only']) {
      if (!this.jsonEnabled()) process.stdout.write(`${JSON.stringify(signed, null, 2)}\n`)
      return signed
    }
    const client = await this.client(flags)
    const { gate } = await client.call('approve', { params: { run: args.run }, body: signed })
    this.print([
      this.say('서명이 접수되었습니다:', 'The signature is received:'),
      ...gateLines(gate, this.language).map((line) => `  ${line}`),
    ])
    return { gate }
  }

  async #sign(run: string, flags: Flags) {
    const reason = reasonOf(flags.reason)
    const target =
      flags.plan === undefined ? await planOf(await this.client(flags), run) : readPlan(flags.plan, run)
    refuseAltered(target.plan)
    const gate = gateOf(target.plan, flags.gate)
    const purpose: Purpose = flags['break-glass'] ? 'break-glass' : gate.purpose
    if (purpose === 'break-glass' && gate.purpose !== 'approve') throw notTheFence(gate.node)
    const signing = signingOf(await this.context(flags), flags.as)
    const sources = flags.source ?? []
    if (purpose === 'attest' && flags.decision === 'yes') refuseFewSources(sources, flags.outside)
    const decision = {
      purpose,
      gate: gate.node,
      decision: flags.decision,
      reason,
      sources: purpose === 'attest' ? sources : [],
      oneSourceOutsideHaetae: purpose === 'attest' && flags.outside,
      validFor: flags['valid-for'],
    }
    const statement = statementOver(target, signing, decision, Date.now())
    if (!flags.quiet) await this.#show(target, statement, flags)
    await confirmName(run, flags.confirm, this.#question(statement))
    return signStatement(statement, signing.keyFile)
  }

  /** What is signed, and where its gate stands. stdout may be a statement's or JSON's: then it goes beside it. */
  async #show(target: RunPlan, statement: Statement, flags: Flags): Promise<void> {
    const lines = [...planLines(target.plan, this.language), '']
    if (flags.plan === undefined) {
      const client = await this.client(flags)
      const { gates } = await client.call('approvalList', { params: { run: target.run } })
      const about = gates.filter((one) => one.gate === statement.gate)
      lines.push(...about.flatMap((one) => gateLines(one, this.language)), '')
    }
    lines.push(...statementLines(statement, this.language), '')
    if (!flags['sign-only'] && !this.jsonEnabled()) this.print(lines)
    else if (flags.confirm === undefined || flags['sign-only']) process.stderr.write(`${lines.join('\n')}\n`)
  }

  #question({ purpose, gate, principal, decision, installation }: Statement): string {
    if (purpose === 'break-glass') {
      return paint(
        'red',
        this.say(
          `${installation}: ${principal} 이름으로 ${gate}을(를) 긴급 승인합니다. 필요한 인원 없이 열리고, 다른 두 사람이 검토할 때까지 지적 사항으로 남습니다. 실행의 이름을 입력하십시오: `,
          `You break the glass of ${gate} of ${installation} as ${principal}. It opens without the people that it takes, and stays an open finding until two others have reviewed it. Type the name of the run: `,
        ),
      )
    }
    return this.say(
      `${installation}: ${principal} 이름으로 ${gate}에 ${decision}로 서명합니다. 실행의 이름을 입력하십시오: `,
      `You sign ${decision} at ${gate} of ${installation} as ${principal}. Type the name of the run: `,
    )
  }
}

function notTheFence(gate: string): HaetaeError {
  return new HaetaeError('usage-wrong', `haetae approve --gate ${gate} --break-glass`, {
    why: {
      en: `${gate} is a gate of attestations: breaking the glass bypasses approvals, never the fence`,
      ko: `${gate}은(는) 확인 서명 관문입니다. 긴급 승인은 승인만 대신하고 차단은 대신하지 않습니다`,
    },
    remedy: {
      en: 'Two people have to attest the loss: --gate attest --source TEXT --source TEXT --outside.',
      ko: '두 사람이 상실을 확인 서명해야 합니다: --gate attest --source 내용 --source 내용 --outside',
    },
  })
}

function refuseFewSources(sources: readonly string[], outside: boolean): void {
  if (new Set(sources.map((one) => one.trim())).size >= 2 && outside) return
  throw new HaetaeError('usage-wrong', 'haetae approve --gate attest', {
    why: {
      en: "an attestation needs two different --source, and --outside to say that one lies outside Haetae's network",
      ko: '확인 서명에는 서로 다른 --source 두 개와, 하나는 Haetae 망 밖의 것임을 밝히는 --outside가 필요합니다',
    },
    remedy: {
      en: 'Say how you know: --source "call to the guard room" --source "what the news shows" --outside.',
      ko: '어떻게 알았는지 적으십시오: --source "경비실 통화" --source "방송 화면" --outside',
    },
  })
}

async function planOf(client: Client, run: string): Promise<RunPlan> {
  const { plan } = await client.call('runPlan', { params: { run } })
  return { run, plan }
}
