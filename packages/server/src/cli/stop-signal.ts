/** Stops a server on SIGTERM or SIGINT. */

/** Resolves on the first SIGTERM or SIGINT; a second one ends the process without draining. */
export const stopSignal = (): Promise<void> =>
  new Promise(resolve => {
    let asked = false
    const stop = () => {
      if (asked) process.exit(1)
      asked = true
      resolve()
    }
    process.on('SIGTERM', stop)
    process.on('SIGINT', stop)
  })
