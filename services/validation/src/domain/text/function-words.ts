/** English words that carry grammar rather than content, most frequent first. */
const WORDS = `the of and to a in is that for it as was with be by on not he his but at are this have from or had
an they which one you were her all she there would their we him been has when who will more no if out so said what up
its about into than them can only other new some could time these two may then do first any my now such like our over
me even most made after also did many before must through back years where much your way well down should because each
just those how too does during while both between under same another such whether per very being am us via upon within
without against among however therefore thus since until although though here them themselves itself`;

const FUNCTION_WORDS: ReadonlySet<string> = new Set(WORDS.split(/\s+/));

export const isFunctionWord = (word: string): boolean => FUNCTION_WORDS.has(word);
