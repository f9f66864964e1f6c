/* A library that is loaded while the program runs. */
int in_a_library = 5;
