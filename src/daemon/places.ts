import { HaetaeError } from '#model/errors.ts'

/**
 * So many at once, and no more: whoever comes then is told so and waits for nothing. What anybody may ask for must not
 * take every place from what people have signed. Throws `work-failed`.
 */
export function places(most: number, what: string): <T>(work: () => Promise<T>) => Promise<T> {
  let taken = 0
  return async (work) => {
    if (taken >= most) {
      throw new HaetaeError('work-failed', what, { why: `${most} are being made for others at this moment` })
    }
    taken += 1
    try {
      return await work()
    } finally {
      taken -= 1
    }
  }
}
