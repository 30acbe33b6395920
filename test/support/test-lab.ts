import { instanceOf, type Instance } from '../../lab/instance.ts'

/**
 * The lab of the tests: named after the checkout's own lab, so that one that a person uses is not touched.
 * HAETAE_LAB_INSTANCE, when it is set, is what both are named after.
 */
export function testInstance(): Instance {
  const own = instanceOf()
  return own.name.endsWith('-test') ? own : instanceOf(`${own.name.slice(0, 35)}-test`)
}
