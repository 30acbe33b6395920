import type { Localized } from '#model/localized.ts'

/** What this drill does not prove. Said in every report, so that nobody takes it for more than it is. */
export function notExercised(byTheLab: boolean): Localized[] {
  return [
    ...(byTheLab
      ? [
          {
            ko: '사람의 판단: 재해 선언, 승인, 상실 확인 서명을 실습용 키로 자동 수행함',
            en: "Decisions of people: declaration, approvals and attestations were signed by the lab's own keys",
          },
        ]
      : []),
    {
      ko: '담당 기관의 인수 확인: 기술 점검 후 바로 개통함',
      en: "The owners' acceptance: systems were opened right after the technical checks",
    },
    {
      ko: '능동 차단과 전원 차단: 확인 서명으로 대신하여 차단 미이행으로 남음',
      en: 'Active and power fences: attestations stood in their place and stay open as fence debts',
    },
    {
      ko: '상실 센터의 복귀와 원복, 복귀한 옛 주 데이터베이스의 기동 차단',
      en: 'The return of the lost site, failback, and the guard on a returned primary',
    },
    {
      ko: '백업본으로부터의 복원: 복제본 승격으로 복구함',
      en: 'Restoring from backups: the systems were recovered by promoting their standbys',
    },
    {
      ko: '디스크 동기화 손실: 전원 차단을 흉내 내도 페이지 캐시의 내용은 남음',
      en: 'Loss of unsynchronized writes: what the page cache held survives the simulated power loss',
    },
    {
      ko: '실습 환경 밖의 연계 시스템과 실제 규모의 부하',
      en: 'Systems outside the lab, and load of real size',
    },
  ]
}
