import type { DrillReport } from './report.ts'

/** Words of the report in the two languages. One object a language, so that a missing word does not compile. */
export interface Words {
  title: string
  lead(site: string, at: string, recovery: string): string
  byTheLab: string
  byPeople: string
  summary: string
  systems: string
  order: string
  timeline: string
  people: string
  lost: string
  debts: string
  departures: string
  notExercised: string
  notes: string
  backups: string
  none: string
  notMeasured: string
  stillAway: string
  met: string
  missed: string
  system: string
  grade: string
  part: Record<'moved' | 'affected' | 'untouched', string>
  target: string
  achieved: string
  byHaetae: string
  byCitizens: string
  rto: string
  rpo: string
  rpoHint: string
  rtoHint: string
  judged: string
  acknowledged: string
  lostCount: string
  moments: Record<
    'detected' | 'declared' | 'approved' | 'fenced' | 'promoted' | 'up' | 'verified' | 'open',
    string
  >
  purposes: Record<string, string>
  wave: string
  why: string
  who: string
  what: string
  when: string
  sources: string
  id: string
  notLookedUp: string
  allServing: string
  run: string
  state: string
  digest: string
  instance: string
  timesAre: string
  since: string
  duration(ms: number): string
  count(n: number): string
  backupLine(backups: DrillReport['backups']): string
}

export const english: Words = {
  title: 'Drill: a data center lost and recovered',
  lead: (site, at, recovery) =>
    `The power of ${site} went at ${at}. Its systems were recovered at ${recovery}.`,
  byTheLab:
    "Declaration, approvals and attestations were signed by the lab's own keys: no person decided anything in this drill.",
  byPeople: 'Declaration, approvals and attestations were given by people.',
  summary: 'Summary',
  systems: 'Systems: targets and what was achieved',
  order: 'Order, and why',
  timeline: 'Times',
  people: 'Who signed',
  lost: 'Acknowledged transactions that were lost',
  debts: 'Fence debts',
  departures: 'Departures from the plan',
  notExercised: 'What was not exercised',
  notes: 'Notes of the plan',
  backups: 'Backups before the loss',
  none: 'none',
  notMeasured: 'not measured',
  stillAway: 'still away',
  met: 'met',
  missed: 'missed',
  system: 'System',
  grade: 'Grade',
  part: { moved: 'moved', affected: 'stood still, not moved', untouched: 'not affected' },
  target: 'Target',
  achieved: 'Achieved',
  byHaetae: 'measured by Haetae',
  byCitizens: 'seen by citizens',
  rto: 'RTO',
  rpo: 'RPO',
  rtoHint:
    'Haetae: from detection to open. Citizens: time without service, from the first refused transaction on.',
  rpoHint:
    "Haetae: by the source's own heartbeats, with its error. A target of 0 is met when no acknowledged transaction is missing.",
  judged: 'Judged',
  acknowledged: 'Acknowledged',
  lostCount: 'Lost',
  moments: {
    detected: 'detected',
    declared: 'declared',
    approved: 'approved',
    fenced: 'fenced',
    promoted: 'promoted',
    up: 'up',
    verified: 'verified',
    open: 'open',
  },
  purposes: { declare: 'declaration', approve: 'approval', attest: 'attestation of the loss' },
  wave: 'Wave',
  why: 'Why here',
  who: 'Who',
  what: 'What',
  when: 'When',
  sources: 'How they know',
  id: 'Transaction',
  notLookedUp: 'could not be looked up',
  allServing: 'Until citizens were served by every system again',
  run: 'Run',
  state: 'State',
  digest: 'Plan',
  instance: 'Lab',
  timesAre: 'All times are Korean time (UTC+9).',
  since: 'since',
  duration: (ms) => durationText(ms, { d: ' d', h: ' h', m: ' min', s: ' s', ms: ' ms' }),
  count: (n) => n.toLocaleString('en'),
  backupLine: ({ succeeded, systems, verified, streaming, failed }) =>
    `${succeeded} backups of ${systems} systems succeeded, ${verified} of them verified; WAL of ${streaming} databases was streaming; ${failed} tries failed.`,
}

export const korean: Words = {
  title: '모의훈련 결과: 센터 상실과 복구',
  lead: (site, at, recovery) =>
    `${at}에 ${site}의 전원이 끊겼고, 그 정보시스템을 ${recovery}에서 복구했습니다.`,
  byTheLab:
    '재해 선언, 승인, 상실 확인 서명은 실습용 키로 자동 수행되었습니다. 이 훈련에서 사람이 판단한 것은 없습니다.',
  byPeople: '재해 선언, 승인, 상실 확인 서명은 사람이 했습니다.',
  summary: '요약',
  systems: '정보시스템별 목표와 달성',
  order: '복구 순서와 이유',
  timeline: '시각',
  people: '서명한 사람',
  lost: '유실된 접수 완료 거래',
  debts: '차단 미이행',
  departures: '계획에서 벗어난 결정',
  notExercised: '이번 훈련에서 다루지 않은 것',
  notes: '실행 계획의 참고 사항',
  backups: '상실 전의 백업',
  none: '없음',
  notMeasured: '측정하지 못함',
  stillAway: '아직 중단됨',
  met: '달성',
  missed: '미달성',
  system: '정보시스템',
  grade: '등급',
  part: { moved: '전환함', affected: '멈췄으나 전환하지 않음', untouched: '영향 없음' },
  target: '목표',
  achieved: '달성',
  byHaetae: 'Haetae 측정',
  byCitizens: '이용자 측정',
  rto: '복구 시간(RTO)',
  rpo: '복구 시점(RPO)',
  rtoHint: 'Haetae는 감지부터 개통까지, 이용자는 첫 거래 실패부터 다시 접수될 때까지 잽니다.',
  rpoHint:
    'Haetae는 원본의 하트비트로 재고 오차를 함께 적습니다. 목표가 0이면 접수 완료된 거래가 하나도 빠지지 않아야 달성입니다.',
  judged: '판정',
  acknowledged: '접수 완료',
  lostCount: '유실',
  moments: {
    detected: '감지',
    declared: '선언',
    approved: '승인',
    fenced: '차단',
    promoted: '승격',
    up: '기동',
    verified: '점검',
    open: '개통',
  },
  purposes: { declare: '재해 선언', approve: '승인', attest: '센터 상실 확인 서명' },
  wave: '순번',
  why: '이 순서인 이유',
  who: '이름',
  what: '내용',
  when: '시각',
  sources: '확인 근거',
  id: '거래',
  notLookedUp: '조회하지 못함',
  allServing: '모든 정보시스템이 이용자에게 다시 응답할 때까지',
  run: '실행',
  state: '상태',
  digest: '실행 계획',
  instance: '실습 환경',
  timesAre: '모든 시각은 한국 시각(UTC+9)입니다.',
  since: '부터',
  duration: (ms) => durationText(ms, { d: '일', h: '시간', m: '분', s: '초', ms: '밀리초' }),
  count: (n) => n.toLocaleString('ko'),
  backupLine: ({ succeeded, systems, verified, streaming, failed }) =>
    `${systems}개 정보시스템의 백업 ${succeeded}건 성공(${verified}건 검증), WAL 수신 중 ${streaming}건, 실패한 시도 ${failed}건.`,
}

interface Units {
  d: string
  h: string
  m: string
  s: string
  ms: string
}

/** At most two units: what a reader compares, no more. */
function durationText(ms: number, units: Units): string {
  if (ms > 0 && ms < 1000) return `${Math.round(ms)}${units.ms}`
  if (ms < 60_000) return `${Number((ms / 1000).toFixed(1))}${units.s}`
  const seconds = Math.round(ms / 1000)
  const parts = [
    [Math.floor(seconds / 86_400), units.d],
    [Math.floor(seconds / 3600) % 24, units.h],
    [Math.floor(seconds / 60) % 60, units.m],
    [seconds % 60, units.s],
  ] as const
  const first = parts.findIndex(([count]) => count > 0)
  return parts
    .slice(first, first + 2)
    .filter(([count]) => count > 0)
    .map(([count, unit]) => `${count}${unit}`)
    .join(' ')
}
