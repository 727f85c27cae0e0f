"""What a lesson's exercises need: checks, guesses and progress, reference answers and the words of the glossary.

``checks`` runs the cases of an answer; ``progress`` notes what was guessed and solved; ``answers`` shows solutions,
explains terms, and gives each student a data set of their own.
"""
