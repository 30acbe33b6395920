import type { System } from '#estate/estate.ts'
import type { Assumption } from './plan.ts'
import type { ActiveAt, FailoverRequest, OperationRequest } from './request.ts'
import { targetsOf } from './values.ts'

/**
 * What a failover takes for granted: the lost site stays silent, people attest its loss, each system is primary where
 * we believe and has a standby to be recovered from, and what is lost of its data stays within its target.
 */
export function failoverAssumptions(request: FailoverRequest, moving: readonly System[]): Assumption[] {
  const { estate, fromSite, world } = request
  const site = estate.sites.find(({ id }) => id === fromSite)?.name ?? { ko: fromSite, en: fromSite }
  return [
    {
      kind: 'source-silent',
      subject: fromSite,
      statement: { ko: `${site.ko}: 응답 없음`, en: `${site.en} does not answer` },
      bound: { site: fromSite },
    },
    {
      kind: 'fence',
      subject: fromSite,
      statement: {
        ko: `${site.ko}의 상실을 사람이 확인 서명함 (차단 증명이 아님)`,
        en: `people attest the loss of ${site.en}; that is accepted risk, not proof`,
      },
      bound: { kind: 'attested', site: fromSite },
    },
    ...moving.flatMap((system): Assumption[] => [
      activeAt(system.id, world.active(system.id), fromSite),
      ...recoveryPointOf(request, system),
      ...(system.components?.database === undefined
        ? []
        : [
            request.lossUntold?.includes(system.id) === true ? untoldLossOf(system) : lossOf(request, system),
          ]),
    ]),
  ]
}

/** What an operation takes for granted: each system stays primary where it is. */
export function operationAssumptions(
  { site, world }: OperationRequest,
  systems: readonly System[],
): Assumption[] {
  return systems.map(({ id }) => activeAt(id, world.active(id), site))
}

/** Systems whose loss cannot be told, as a plan declares them. */
export function untoldLosses(assumptions: readonly Assumption[]): string[] {
  return assumptions
    .filter(({ kind, bound }) => kind === 'loss-bound' && bound['seconds'] === null)
    .map(({ subject }) => subject)
}

function activeAt(system: string, active: ActiveAt | undefined, site: string): Assumption {
  if (active?.leaves !== undefined) return takenBefore(system, active)
  const epoch = active?.epoch ?? null
  const shown = epoch === null ? { ko: '', en: '' } : { ko: ` (${epoch}세대)`, en: `, by epoch ${epoch}` }
  return {
    kind: 'active-site',
    subject: system,
    statement: {
      ko: `${system} 운영 센터는 ${site}${shown.ko}`,
      en: `${system} is primary at ${site}${shown.en}`,
    },
    bound: { site, epoch },
  }
}

/** A run took the authority and ended before it promoted or opened anything: the next one goes on from there. */
function takenBefore(system: string, { site, epoch, leaves = '' }: ActiveAt): Assumption {
  return {
    kind: 'active-site',
    subject: system,
    statement: {
      ko: `${system} 운영권은 ${epoch}세대로 ${site}에 있으나, 가져온 실행이 전환을 마치지 못하고 끝남: ${leaves}에서 다시 전환`,
      en: `${system} was taken to ${site} by epoch ${epoch}, by a run that ended before it had moved it: it is moved from ${leaves} again`,
    },
    bound: { site, epoch },
  }
}

function recoveryPointOf({ toSite }: FailoverRequest, { id, components }: System): Assumption[] {
  const endpoint = components?.database?.endpoints[toSite]
  if (endpoint === undefined) return []
  const { host, port } = endpoint
  return [
    {
      kind: 'recovery-point',
      subject: id,
      statement: {
        ko: `${id} 복구 시점은 ${toSite}의 대기 서버(${host}:${port})가 받은 곳까지`,
        en: `${id} is recovered from what its standby at ${toSite} (${host}:${port}) has received`,
      },
      bound: { from: 'standby', site: toSite, host, port },
    },
  ]
}

/** Whoever signs this plan agrees to a loss that nobody knows; there is nothing to be checked later. */
function untoldLossOf({ id }: System): Assumption {
  return {
    kind: 'loss-bound',
    subject: id,
    statement: {
      ko: `${id}: 손실을 알 수 없음 (원본의 하트비트를 본 적이 없음)`,
      en: `how much ${id} loses cannot be told: no heartbeat of its source was ever seen`,
    },
    bound: { seconds: null },
  }
}

function lossOf(request: FailoverRequest, system: System): Assumption {
  const seconds = Math.floor(targetsOf(request, system).rpoMs / 1000)
  const how = system.components?.database?.replication ?? 'asynchronous'
  const ko = how === 'synchronous' ? '동기 복제' : '비동기 복제'
  return {
    kind: 'loss-bound',
    subject: system.id,
    statement: {
      ko: `${system.id}: ${seconds === 0 ? '손실 없음' : `손실 ${seconds}초 이내`} (${ko})`,
      en: `${system.id} loses ${seconds === 0 ? 'nothing that was acknowledged' : `at most the last ${seconds} s`} (${how} replication)`,
    },
    bound: { seconds },
  }
}
