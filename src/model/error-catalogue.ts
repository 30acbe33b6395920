/** One row of the catalogue. `exit` is the CLI's exit code, `status` the API's HTTP status. */
export interface CatalogueEntry {
  status: number
  exit: number
  ko: string
  en: string
  remedy: string
}

/**
 * Every error that a person can meet. docs/errors.md is held equal to this list by a test, both ways.
 * Exit codes: 2 wrong usage or input, 3 not allowed, 4 not found, 5 conflict with what is, 6 unavailable, 1 defect.
 */
export const catalogue = {
  'input-invalid': {
    status: 400,
    exit: 2,
    ko: '입력이 올바르지 않습니다',
    en: 'the input is not valid',
    remedy: 'Correct the value named above and try again.',
  },
  'already-held': {
    status: 409,
    exit: 5,
    ko: '다른 프로세스가 이미 사용 중입니다',
    en: 'already in use by another process',
    remedy: 'Stop the process named above, or use another folder or instance name.',
  },
  defect: {
    status: 500,
    exit: 1,
    ko: 'Haetae 내부 오류입니다',
    en: 'Haetae itself failed',
    remedy: 'Nothing was lost; report this with the log line that carries the same id.',
  },
} as const satisfies Record<string, CatalogueEntry>

export type ErrorCode = keyof typeof catalogue
