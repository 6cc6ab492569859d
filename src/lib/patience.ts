/** Hands a stream on as it comes; throws what `complaint` gives where nothing comes for so many ms. Whoever stops reading ends it. */
export async function* patiently(source: ReadableStream<Uint8Array>, most: number, complaint: () => Error) {
  const reader = source.getReader()
  try {
    for (;;) {
      const { done, value } = await inTime(reader.read(), most, complaint)
      if (done) return
      yield value
    }
  } finally {
    await reader.cancel().catch(() => {}) // it may be broken already
  }
}

/** What a promise gives; throws what `complaint` gives where it takes longer than so many ms. What was asked goes on by itself. */
export async function inTime<T>(asked: Promise<T>, most: number, complaint: () => Error): Promise<T> {
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(() => late.reject(complaint()), most)
  try {
    return await Promise.race([asked, late.promise])
  } finally {
    clearTimeout(timer)
  }
}
