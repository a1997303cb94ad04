/** CPU, memory and event loop of the process, by the names that Prometheus dashboards use. */

import { readdirSync, readFileSync } from 'node:fs'
import { monitorEventLoopDelay, performance } from 'node:perf_hooks'
import type { Series } from '../../runtime/metrics.ts'
import { labelled } from './counting.ts'

/** Milliseconds between two measurements of the event loop's lag. */
const resolution = 20

type ProcessGauges = {
  /** The event loop's lag is that since the last call. */
  readonly read: () => Series
  readonly stop: () => void
}

export function createProcessGauges(): ProcessGauges {
  const lag = monitorEventLoopDelay({ resolution })
  lag.enable()
  const version = labelled('version', versionOfServer())
  const built = `tessera_build_info{${version},${labelled('node_version', process.version)}}`
  return {
    read() {
      const { user, system } = process.cpuUsage()
      const { rss, heapUsed, heapTotal, external } = process.memoryUsage()
      const { active } = performance.eventLoopUtilization()
      const files = openFiles()
      const series = {
        [built]: 1,
        process_cpu_seconds_total: (user + system) / 1e6,
        process_start_time_seconds: performance.timeOrigin / 1000,
        process_resident_memory_bytes: rss,
        ...(files !== undefined && { process_open_fds: files }),
        nodejs_heap_size_used_bytes: heapUsed,
        nodejs_heap_size_total_bytes: heapTotal,
        nodejs_external_memory_bytes: external,
        nodejs_eventloop_active_seconds_total: active / 1000,
        nodejs_eventloop_lag_p50_seconds: late(lag.percentile(50)),
        nodejs_eventloop_lag_p99_seconds: late(lag.percentile(99)),
        nodejs_eventloop_lag_max_seconds: late(lag.max),
      }
      lag.reset()
      return series
    },
    stop: () => lag.disable(),
  }
}

/** Subtracts the timer's interval. The minimum of an empty histogram is not a lag. */
const late = (nanoseconds: number): number => Math.max(0, nanoseconds / 1e6 - resolution) / 1000

/** Returns undefined if the system is not Linux. */
function openFiles(): number | undefined {
  try {
    return readdirSync('/proc/self/fd').length
  } catch {
    return undefined
  }
}

const versionOfServer = (): string =>
  JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')).version
