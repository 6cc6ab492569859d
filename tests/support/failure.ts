/** What a promise fails with; fails itself where it does not. */
export const failureOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => Promise.reject(new Error('nothing failed')),
    (error: unknown) => error
  )
