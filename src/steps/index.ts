import type { AnyStepType } from '#runbook/step-type.ts'
import { authorityAcquire } from './authority-acquire.ts'
import { authorityAttest } from './authority-attest.ts'
import { dnsSwitch } from './dns-switch.ts'
import { httpCall } from './http-call.ts'
import { httpCheck } from './http-check.ts'
import { httpGet } from './http-get.ts'
import { k8sApply } from './k8s-apply.ts'
import { k8sJob } from './k8s-job.ts'
import { k8sPatch } from './k8s-patch.ts'
import { k8sScale } from './k8s-scale.ts'
import { k8sSuspend } from './k8s-suspend.ts'
import { k8sWait } from './k8s-wait.ts'
import { lbSwitch } from './lb-switch.ts'
import { pgPauseWriters } from './pg-pause-writers.ts'
import { notify } from './notify.ts'
import { pgPromote } from './pg-promote.ts'
import { pgResumeWriters } from './pg-resume-writers.ts'
import { pgSql } from './pg-sql.ts'
import { pgStatus } from './pg-status.ts'
import { pgStop } from './pg-stop.ts'
import { pgWaitReplay } from './pg-wait-replay.ts'
import { promAssert } from './prom-assert.ts'
import { promWait } from './prom-wait.ts'

const all: readonly AnyStepType[] = [
  authorityAttest,
  authorityAcquire,
  pgStatus,
  pgWaitReplay,
  pgPauseWriters,
  pgResumeWriters,
  pgPromote,
  pgStop,
  pgSql,
  k8sApply,
  k8sJob,
  k8sPatch,
  k8sScale,
  k8sSuspend,
  k8sWait,
  httpCall,
  httpCheck,
  notify,
  promAssert,
  promWait,
  httpGet,
  dnsSwitch,
  lbSwitch,
]

/** Every step type, by the name that runbooks use. */
export const stepTypes: ReadonlyMap<string, AnyStepType> = new Map(all.map((type) => [type.type, type]))
