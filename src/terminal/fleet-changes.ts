import { countOf } from '#model/count-of.ts'
import type { ChangeCounts, FleetChanges, Plan } from '#plan/plan.ts'
import { bullet } from './bullet.ts'
import { inLanguage, type Language } from './language.ts'
import { paint } from './paint.ts'
import { table } from './table.ts'

const words = {
  ko: {
    title: '바뀌는 것 (시스템별 계획을 세어 합한 것)',
    nobody: '아무도 확인하지 않음',
    one: '한 시스템씩 보려면 --only 시스템',
    looked: (looked: number, all: number) => `${all}개 시스템 중 ${looked}개의 모든 단계를 확인함`,
    none: '아무것도 바뀌지 않음',
    site: '센터',
    type: '단계 종류',
    exact: '확정',
    predicted: '예상',
    opaque: '확인 불가',
    refused: '거부됨',
    notLooked: '미확인 단계',
    sum: '합계',
    not: (count: number) => `확인하지 못한 시스템 ${count}개`,
    refusedAt: '대상이 거부한 시스템',
    opaqueAt: '확인 불가가 있는 시스템',
  },
  en: {
    title: "What changes (counted from the systems' own plans)",
    nobody: 'nobody has looked',
    one: 'for one system after the other: --only SYSTEM',
    looked: (looked: number, all: number) =>
      `every step of ${looked} of ${countOf(all, 'system')} was looked at`,
    none: 'nothing changes',
    site: 'site',
    type: 'step type',
    exact: 'exact',
    predicted: 'predicted',
    opaque: 'opaque',
    refused: 'refused',
    notLooked: 'steps not looked at',
    sum: 'all',
    not: (count: number) => `not looked at: ${countOf(count, 'system')}`,
    refusedAt: 'systems in which a target refuses something',
    opaqueAt: 'systems with something opaque',
  },
} as const

const counted = ['exact', 'predicted', 'opaque', 'refused', 'notLooked'] as const
const such = 8

/** What the systems of a fleet change, by site and step type, and what nobody has looked at. */
export function fleetChangeLines({ observed: { fleet } }: Plan, language: Language): string[] {
  const say = words[language]
  const head = paint('cyan', say.title)
  if (fleet === undefined) return [head, ...bullet(`${say.nobody}; ${say.one}`)]
  const { systems, kinds, left } = fleet
  return [
    head,
    ...bullet(`${say.looked(systems.looked, systems.all)}; ${say.one}`),
    ...left.flatMap((one) => {
      const names = `${one.such.join(', ')}${one.systems > one.such.length ? ', …' : ''}`
      const text = `${say.not(one.systems)} (${names}): ${inLanguage(one.why, language)}`
      return bullet(text).map((line) => paint('yellow', line))
    }),
    ...(kinds.length === 0 ? [`  ${say.none}`] : countTable(fleet, language)),
    ...systemsWith(fleet, 'refused', say.refusedAt),
    ...systemsWith(fleet, 'opaque', say.opaqueAt),
  ]
}

function countTable({ kinds }: FleetChanges, language: Language): string[] {
  const say = words[language]
  const sum: Record<string, number> = {}
  for (const kind of kinds) for (const name of counted) sum[name] = (sum[name] ?? 0) + kind[name]
  const rows = [...kinds, { site: say.sum, type: '', ...(sum as unknown as ChangeCounts) }]
  const lines = table(
    [
      { title: say.site, text: ({ site }) => site },
      { title: say.type, text: ({ type }) => type },
      ...counted.map((name) => ({ title: say[name], text: (row: ChangeCounts) => String(row[name]) })),
    ],
    rows,
  )
  return lines.map((line) => `  ${line}`)
}

/** The systems in which something of a kind is, those with the most first. */
function systemsWith({ bySystem }: FleetChanges, name: keyof ChangeCounts, title: string): string[] {
  const found = Object.entries(bySystem)
    .filter(([, counts]) => counts[name] > 0)
    .toSorted(([, a], [, b]) => b[name] - a[name])
  if (found.length === 0) return []
  const names = found.slice(0, such).map(([system, counts]) => `${system} ${counts[name]}`)
  const more = found.length > such ? `, +${found.length - such}` : ''
  return bullet(`${title}: ${names.join(', ')}${more}`).map((line) => paint('yellow', line))
}
