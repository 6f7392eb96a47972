// Every word that the pages say by themselves, by language.

import { en } from "./words-en.js";
import { zh } from "./words-zh.js";

export const WORDS = { en, zh };
