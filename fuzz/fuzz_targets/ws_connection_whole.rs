#![cfg_attr(fuzzing, no_main)]

fuzz::target!(fuzz::frame::connection_whole);
