import type { RunDetail } from '#api/schema/run.ts'
import type { Language } from './language.ts'
import { gateLine } from './gate.ts'

/** What a person does next who has just requested a failover. */
export function createdLines(
  { id, gates }: Pick<RunDetail, 'id' | 'gates'>,
  siteFlag: string | undefined,
  language: Language,
): string[] {
  const site = siteFlag === undefined ? '' : ` --site ${siteFlag}`
  const said = {
    ko: [`실행 ${id}이(가) 만들어졌습니다. 결정을 기다립니다:`, '다음 명령:'],
    en: [`Run ${id} is created, and waits for people:`, 'Next:'],
  }[language]
  return [
    said[0] ?? '',
    ...gates.map((gate) => `  ${gateLine(gate, language)}`),
    '',
    said[1] ?? '',
    `  haetae approve ${id} --gate approve --reason TEXT${site} --as NAME`,
    `  haetae approve ${id} --gate attest --reason TEXT --source TEXT --source TEXT --outside${site} --as NAME`,
    `  haetae run watch ${id}${site}`,
  ]
}
