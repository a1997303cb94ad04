/**
 * Resources used by a process and its children, from Linux's /proc, including all threads and those that have ended.
 */

import { readFileSync } from 'node:fs'

/** USER_HZ, in which /proc counts: 100 wherever Node runs on Linux. */
const ticks = 100

/** Returns a process and all of its descendants. */
export function familyOf(pid: number): readonly number[] {
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim()
    return [pid, ...children.split(' ').filter(Boolean).map(Number).flatMap(familyOf)]
  } catch {
    return []
  }
}

export function cpuSecondsOf(pid: number): number {
  let total = 0
  for (const one of familyOf(pid)) {
    const stat = readFileSync(`/proc/${one}/stat`, 'utf8')
    // The second field, the program's name, may hold spaces; `utime` and `stime` are the 14th and 15th.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    total += (Number(fields[11]) + Number(fields[12])) / ticks
  }
  return total
}

/** Resident memory in bytes. */
export function residentOf(pid: number): number {
  let total = 0
  for (const one of familyOf(pid)) {
    const [, kilobytes] = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${one}/status`, 'utf8')) ?? []
    total += Number(kilobytes ?? 0) * 1024
  }
  return total
}
