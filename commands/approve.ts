import { string as text } from '@oclif/core/args'
import { boolean, option, string } from '@oclif/core/flags'
import type { Client } from '#client/client.ts'
import { identityOf } from '#client/context.ts'
import { gateOf, refuseAltered, signStatement, statementOver, type RunPlan } from '#client/signing.ts'
import { readJsonFile, readPlanFile } from '#client/plan-file.ts'
import { HaetaeError } from '#model/errors.ts'
import { confirmName } from '#terminal/confirm.ts'
import { planLines } from '#terminal/plan.ts'
import { gateLines } from '#terminal/run.ts'
import { DaemonCommand } from './base.ts'

interface Flags {
  gate: string
  decision: 'yes' | 'no'
  reason?: string | undefined
  source?: string[] | undefined
  outside: boolean
  'valid-for': string
  confirm?: string | undefined
  'sign-only': boolean
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
    "on each other, one of them outside Haetae's network (--outside says so). Without a daemon: --sign-only with " +
    '--plan FILE writes the signed statement to stdout; --send FILE brings one to the daemon later. ' +
    'Exit codes: 0; 2 wrong use or not confirmed; 3 not allowed (own request, role, key); 4 no such run or gate; ' +
    '5 signed already, plan changed, or run ended; 6 no daemon answers.'
  static override examples = [
    '<%= config.bin %> approve RUN --gate approve --reason "plan read with the duty officer"',
    '<%= config.bin %> approve RUN --gate attest --reason "site is dark" --source "call to the guard room" --source "news helicopter" --outside',
    '<%= config.bin %> approve RUN --gate approve --reason ok --sign-only --plan plan.json --confirm RUN > signed.json',
    '<%= config.bin %> approve RUN --send signed.json',
  ]
  static override args = { run: text({ required: true, description: 'Name of the run.' }) }
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
    'valid-for': string({
      default: '24h',
      helpValue: 'TIME',
      description: 'How long it counts, from receipt on.',
    }),
    confirm: string({ helpValue: 'RUN', description: "The run's name, instead of typing it back." }),
    'sign-only': boolean({ description: 'Write the signed statement to stdout; nothing is sent.' }),
    plan: string({
      helpValue: 'FILE',
      description: 'Plan from `run show RUN --plan --json`; no daemon is asked.',
    }),
    send: string({
      helpValue: 'FILE',
      exclusive: ['sign-only', 'plan', 'reason', 'source'],
      description: 'Send a statement that --sign-only wrote.',
    }),
    quiet: boolean({ description: 'Do not show the plan.' }),
  }

  async run() {
    const { args, flags } = await this.parse(Approve)
    const signed = flags.send === undefined ? await this.#sign(args.run, flags) : readSigned(flags.send)
    if (flags['sign-only']) {
      process.stdout.write(`${JSON.stringify(signed, null, 2)}\n`)
      return undefined
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
    if (flags.reason === undefined || flags.reason.trim() === '') {
      throw new HaetaeError('usage-wrong', 'haetae approve', {
        why: { en: '--reason is missing', ko: '--reason이 없습니다' },
        remedy: {
          en: 'Say why with --reason TEXT; it is signed and stays on record.',
          ko: '--reason 으로 사유를 적으십시오. 서명되어 기록에 남습니다.',
        },
      })
    }
    const target =
      flags.plan === undefined ? await planOf(await this.client(flags), run) : readPlan(flags.plan, run)
    refuseAltered(target.plan)
    const gate = gateOf(target.plan, flags.gate)
    const { principal, keyFile } = identityOf(await this.context(flags), flags.as)
    const sources = flags.source ?? []
    if (gate.purpose === 'attest' && flags.decision === 'yes') refuseFewSources(sources, flags.outside)
    const shown = planLines(target.plan, this.language)
    // stdout is the statement's; what is read goes beside it.
    if (!flags.quiet && flags['sign-only']) process.stderr.write(`${shown.join('\n')}\n\n`)
    else if (!flags.quiet) this.print([...shown, ''])
    await confirmName(
      run,
      flags.confirm,
      this.say(
        `${principal} 이름으로 ${gate.node}에 ${flags.decision}로 서명합니다. 실행의 이름을 입력하십시오: `,
        `You sign ${flags.decision} at ${gate.node} as ${principal}. Type the name of the run: `,
      ),
    )
    const decision = {
      purpose: gate.purpose,
      gate: gate.node,
      decision: flags.decision,
      reason: flags.reason,
      sources: gate.purpose === 'attest' ? sources : [],
      oneSourceOutsideHaetae: gate.purpose === 'attest' && flags.outside,
      validFor: flags['valid-for'],
    }
    return signStatement(statementOver(target, principal, decision, Date.now()), keyFile)
  }
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

function readPlan(file: string, run: string): RunPlan {
  const read = readPlanFile(file)
  if (read.run === run) return read
  throw new HaetaeError('input-invalid', file, {
    where: file,
    why: `it is no plan of ${run}`,
    remedy: `Write it with \`haetae run show ${run} --plan --json\`.`,
  })
}

function readSigned(file: string): { statement: string; signature: string } {
  const { statement, signature } = readJsonFile(file) as { statement?: unknown; signature?: unknown }
  if (typeof statement === 'string' && typeof signature === 'string') return { statement, signature }
  throw new HaetaeError('input-invalid', file, {
    where: file,
    why: 'it is no statement written by --sign-only',
  })
}
