import { down } from '../down.ts'
import type { Instance } from '../instance.ts'
import { status } from '../status.ts'
import { up } from '../up.ts'
import type { Scene } from './scene.ts'
import { until } from './waiting.ts'

/** A fresh lab: what was there of an earlier one goes first. */
export async function freshLab(instance: Instance, scene: Pick<Scene, 'narrator' | 'signal'>): Promise<void> {
  const { narrator, signal } = scene
  if ((await status(instance)).state === 'up') {
    narrator.line('앞서 띄운 실습 환경을 내립니다.', 'An earlier lab is up: it is taken down.')
    await down(instance)
  }
  narrator.line(
    `센터 둘과 이용자를 띄웁니다 (실습 환경 ${instance.name}).`,
    `Two sites and the citizens come up (lab ${instance.name}).`,
  )
  const built = await up({
    instance,
    signal,
    progress: ({ label }) => narrator.status(label, label),
  })
  narrator.line(
    `두 센터가 ${(built.elapsedMs / 1000).toFixed(0)}초 만에 떴습니다.`,
    `Both sites are up after ${(built.elapsedMs / 1000).toFixed(0)} s.`,
  )
}

/** Citizens are served by every system, and both daemons say the same. */
export async function everythingServes(scene: Scene): Promise<void> {
  const { narrator, systems, haetae, record, signal } = scene
  const options = { what: 'all systems serve', withinMs: 120_000, signal }
  await until(
    async () => {
      const meetings = await record.read()
      const waiting = systems.filter(({ id }) => {
        const meeting = meetings.get(id)
        return meeting === undefined || meeting.away || meeting.acknowledged < 3
      })
      const seen = await haetae.systems(scene.to)
      const notUp = seen.filter(({ id, health }) => systems.some((one) => one.id === id) && health !== 'up')
      const names = [...new Set([...waiting, ...notUp].map(({ id }) => id))]
      return names.length === 0 ? { done: true } : { notYet: `not yet: ${names.join(', ')}` }
    },
    { ...options, notYet: (why) => narrator.status(why, why) },
  )
  narrator.line(
    `정보시스템 ${systems.length}개가 이용자의 거래를 접수합니다.`,
    `${systems.length} systems serve; citizens write.`,
  )
}

/** Every database has a verified base backup at the other site, by the backup logs of both. */
export async function everythingBackedUp(scene: Scene): Promise<void> {
  const { narrator, systems, haetae, signal, from, to } = scene
  await until(
    async () => {
      const lines = [...(await haetae.backups(from)), ...(await haetae.backups(to))]
      scene.backups = lines
      const good = new Set(lines.filter(isGoodBase).map(({ system }) => system))
      const missing = systems.flatMap(({ id, database }) => (database === null || good.has(id) ? [] : [id]))
      return missing.length === 0 ? { done: true } : { notYet: `no base backup yet: ${missing.join(', ')}` }
    },
    {
      what: 'a base backup of every database',
      withinMs: 180_000,
      everyMs: 1000,
      signal,
      notYet: (why) => narrator.status(why, why),
    },
  )
  const wal = scene.backups.filter(({ tool }) => tool.includes('wal')).length
  narrator.line(
    `데이터베이스마다 상대 센터에 검증된 기본 백업이 있습니다 (백업 기록 ${scene.backups.length}줄, WAL ${wal}줄).`,
    `Every database has a verified base backup at the other site (${scene.backups.length} lines of the backup log, ${wal} of WAL).`,
  )
}

function isGoodBase(line: { tool: string; outcome: string; verified: boolean }): boolean {
  return line.tool.includes('basebackup') && line.outcome === 'succeeded' && line.verified
}
